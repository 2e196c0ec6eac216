// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"

#include <string>

namespace virtsession {

/// `note`: worth knowing; `warning`: something works less well, or will fail one day; `problem`: something fails now.
enum class Severity { ok, note, warning, problem };

template <>
inline constexpr auto kEnumText<Severity> = EnumText<Severity, 4>{{{
    {Severity::ok, "ok"},
    {Severity::note, "note"},
    {Severity::warning, "warning"},
    {Severity::problem, "problem"},
}}};

/// What one check of the doctor saw.
struct Finding {
  std::string id;  ///< of the check (doctor/finding.hpp)
  Severity severity = Severity::ok;
  std::string subject;  ///< the VM's name, or empty
  std::string text;     ///< what was seen, one sentence for a person
  std::string fix;      ///< the shell command that fixes it, or empty when none does

  bool operator==(const Finding&) const = default;
};

}  // namespace virtsession
