// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/kept_state.hpp"

#include <set>
#include <string>

namespace virtsession {

class BatteryRun;
class Past;
class StartRun;
class StopRun;
class Vms;

/// What runs or should as the session ends, by uuid; what ran at the last stop, while that was not used yet.
std::set<std::string> up_for_next_login(const Vms& vms, const StartRun& starts);

/// What the next instance has to know of this one, and the next login of this login.
Kept kept_of(const Vms& vms, const Past& past, const StartRun& starts, const StopRun& stops, const BatteryRun& battery);

}  // namespace virtsession
