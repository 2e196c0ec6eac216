// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/kept_state.hpp"
#include "core/moment.hpp"

namespace virtsession {

class Vm;
struct Surroundings;

/// What an instance leaves of a VM for the next one.
KeptVm kept_of(const Vm& vm);
/// A VM that the last instance left word of is seen for the first time: what happened meanwhile is the difference.
/// \return whether what was left says anything of it
bool restore(Vm& vm, const KeptVm& kept, const Surroundings& around, Moment now);

}  // namespace virtsession
