// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

namespace virtsession {

class Vm;

// When a VM that runs is ready, so that others may go on.

/// Begins to wait if the VM's policy says so. Transient VMs are not waited for.
/// \param ordered part of a run of autostart
void begin_ready_wait(Vm& vm, bool ordered, Moment now);
/// Looks whether a VM that waits is ready, or will not be in time. \return whether it does not wait any more
bool check_ready(Vm& vm, Moment now);
/// When a VM that waits has to be looked at for the passage of time.
SteadyTime ready_check(const Vm& vm);

}  // namespace virtsession
