// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/conditions.hpp"
#include "core/moment.hpp"
#include "core/views.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

class StartRun;
class StopRun;
class Vm;
class Vms;

// What is shown, and dry runs. Nothing here changes a VM.

/// \param connected libvirt can be asked: what it said before is not known to be so any more
VmView view_of(const Vm& vm, const std::vector<Problem>& dependency_problems, bool connected);
std::map<std::string, std::uint32_t> counts_of(const Vms& vms, bool connected);
/// What explain_start() has to know of the host.
WantedFacts facts_of_start(const Vms& vms, const StartRun& starts);
/// What the autostart of a login would do now.
std::vector<PlanStep> explain_start(const Vms& vms, const StartRun& starts, const HostFacts& facts);
/// The autostart state in words, with names. It says that everything runs only when explain_start() would start
/// nothing.
std::string explain_autostart(const Vms& vms, const StartRun& starts);
/// Which transient VMs run, and what a new libvirt daemon means for them; empty when none does.
std::string explain_loss_by_restart(const Vms& vms);
/// What a stop of all would do now. \param budget time for all of it
std::vector<PlanStep> explain_stop(const Vms& vms, std::int64_t parallel, Duration budget);
/// When each VM that runs would be off at the latest, in seconds from the begin of a stop of all without a deadline.
std::map<std::string, double> explain_stop_ends(const Vms& vms, std::int64_t parallel);
/// How a run that stops all VMs gets on; empty when there is none.
std::string explain_progress(const Vms& vms, const StopRun& stops, SteadyTime now);

}  // namespace virtsession
