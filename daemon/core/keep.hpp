// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/kept_state.hpp"

namespace virtsession {

class Past;
class StartRun;
class StopRun;
class Vms;

/// What the next instance has to know of this one, and the next login of this login.
Kept kept_of(const Vms& vms, const Past& past, const StartRun& starts, const StopRun& stops);

}  // namespace virtsession
