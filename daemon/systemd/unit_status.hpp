// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/variant_map.hpp"

#include <cstdint>
#include <string>

namespace virtsession {

/// What systemd says of a unit, in its own words (ActiveState, SubState, Result, ...; see org.freedesktop.systemd1(5)).
struct UnitStatus {
  std::string load_state;    ///< loaded, not-found, masked ...
  std::string active_state;  ///< active, activating, deactivating, inactive, failed ...
  std::string sub_state;
  std::string result;  ///< "success", "exit-code", "signal", "start-limit-hit" ...; empty for units without one
  std::uint32_t main_pid = 0;

  bool operator==(const UnitStatus&) const = default;
};

enum class UnitVerb { start, stop, restart };

/// Takes over what `properties`, of any of the unit's interfaces, say. Others, and those of another type, are ignored.
void apply_properties(UnitStatus& status, const VariantMap& properties);

/// Whether a unit in this status is what the verb wants, for a job whose end nobody saw.
bool fulfils(const UnitStatus& status, UnitVerb verb);

/// Why a job of `verb` did not end as "done", in one sentence.
/// \param job_result of JobRemoved: failed, timeout, canceled, dependency ... \param unit_result may be empty
std::string job_failure(const std::string& unit, UnitVerb verb, const std::string& job_result,
                        const std::string& unit_result);

}  // namespace virtsession
