// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/unit_status.hpp"

#include "core/enum_text.hpp"
#include "util/sdbus_compat.hpp"

#include <fmt/format.h>

namespace virtsession {

template <>
inline constexpr auto kEnumText<UnitVerb> = EnumText<UnitVerb, 3>{{{
    {UnitVerb::start, "started"},
    {UnitVerb::stop, "stopped"},
    {UnitVerb::restart, "restarted"},
}}};

namespace {

template <class T>
void take(T& field, const VariantMap& properties, const char* name) {
  const auto found = properties.find(name);
  if (found != properties.end() && found->second.containsValueOfType<T>()) field = found->second.get<T>();
}

}  // namespace

void apply_properties(UnitStatus& status, const VariantMap& properties) {
  take(status.load_state, properties, "LoadState");
  take(status.active_state, properties, "ActiveState");
  take(status.sub_state, properties, "SubState");
  take(status.result, properties, "Result");
  take(status.main_pid, properties, "MainPID");
}

bool fulfils(const UnitStatus& status, UnitVerb verb) {
  const bool off = status.active_state == "inactive" || status.active_state == "failed";
  if (verb == UnitVerb::stop) return off;
  // A oneshot service is inactive again after a success.
  return status.active_state == "active" || status.active_state == "reloading" ||
         (status.active_state == "inactive" && status.result == "success");
}

std::string job_failure(const std::string& unit, UnitVerb verb, const std::string& job_result,
                        const std::string& unit_result) {
  if (job_result == "failed") {
    if (unit_result.empty() || unit_result == "success") return unit + " failed";
    return fmt::format("{} failed: {}", unit, unit_result);
  }
  if (job_result == "timeout") return fmt::format("{} was not {} in time", unit, to_text(verb));
  if (job_result == "canceled")
    return fmt::format("{} was not {}: another job took this one's place", unit, to_text(verb));
  if (job_result == "dependency") return fmt::format("{} was not {}: a unit that it needs failed", unit, to_text(verb));
  return fmt::format("{} was not {}: {}", unit, to_text(verb), job_result);
}

}  // namespace virtsession
