// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/policy.hpp"
#include "core/stop_plan.hpp"

#include <string>
#include <vector>

namespace virtsession {

class Vm;

/// Whether a stop of all has to do with the VM: it runs or is about to, and is no other program's transient one.
bool is_to_be_stopped(const Vm& vm);
/// Those of its policy's stop_actions that can be tried as it is now.
/// \param left_out gets why the others cannot, unless it is nullptr
std::vector<StopAction> possible_actions(const Vm& vm, std::string* left_out);
StopNode stop_node(const Vm& vm, std::vector<StopAction> actions);

}  // namespace virtsession
