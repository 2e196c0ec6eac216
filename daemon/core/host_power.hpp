// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"

namespace virtsession {

/// What the host runs on.
enum class HostPower {
  unknown,
  mains,
  battery,
  low_battery,
};

template <>
inline constexpr auto kEnumText<HostPower> = EnumText<HostPower, 4>{{{
    {HostPower::unknown, "unknown"},
    {HostPower::mains, "mains"},
    {HostPower::battery, "battery"},
    {HostPower::low_battery, "low-battery"},
}}};

}  // namespace virtsession
