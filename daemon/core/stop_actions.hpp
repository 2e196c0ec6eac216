// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/policy.hpp"
#include "core/stop_plan.hpp"

#include <string>
#include <vector>

namespace virtsession {

class Vm;

/// Whether a stop of all has to do with the VM: it runs or is about to. \param ends_session a transient one, which
/// another program has made and will end, is left to it until then
bool is_to_be_stopped(const Vm& vm, bool ends_session);
/// Those of its policy's stop_actions that can be tried as it is now; of what nobody keeps, the plug.
/// \param left_out gets why the others cannot, unless it is nullptr
std::vector<StopAction> possible_actions(const Vm& vm, std::string* left_out);
/// Nothing comes before its policy's `leave`.
bool policy_leaves(const Vm& vm);
/// Why its guest is not to be asked to shut down; empty when it is.
std::string shutdown_obstacle(const Vm& vm);
/// How long these actions of a VM may take, one after the other.
StopTime time_of(const Vm& vm, const std::vector<StopAction>& actions);
StopNode stop_node(const Vm& vm, std::vector<StopAction> actions);

}  // namespace virtsession
