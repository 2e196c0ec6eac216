// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_actions.hpp"

#include "core/calls.hpp"
#include "core/guest_save.hpp"
#include "core/vm.hpp"

#include <algorithm>

namespace virtsession {

bool is_to_be_stopped(const Vm& vm, bool ends_session) {
  if (!vm.domain().persistent) return ends_session && vm.domain().active();
  return vm.domain().active() || vm.context().calls.has(vm.uuid(), OperationKind::start);
}

std::string shutdown_obstacle(const Vm& vm) {
  const auto& domain = vm.domain();
  if (domain.restarts_on_poweroff) return "it would start again (on_poweroff is restart)";
  if (domain.state == DomainState::crashed)
    return "the guest does not run (" + std::string(to_text(domain.state)) + ")";
  return {};
}

std::vector<StopAction> possible_actions(const Vm& vm, std::string* left_out) {
  if (vm.domain().appliance) return {StopAction::poweroff};
  std::vector<StopAction> possible;
  for (const auto action : vm.policy().stop_actions) {
    const auto why = action == StopAction::shutdown ? shutdown_obstacle(vm)
                     : action == StopAction::save   ? save_obstacle(vm)
                                                    : std::string();
    if (why.empty())
      possible.push_back(action);
    else if (left_out)
      *left_out += "; not " + std::string(to_text(action)) + ": " + why;
    if (action == StopAction::leave) break;
  }
  if (possible.empty() && !vm.domain().persistent) possible = {StopAction::poweroff};  // nothing of it outlives its run
  const auto& wanted = vm.policy().stop_actions;
  const bool unsaved = std::ranges::count(wanted, StopAction::save) > std::ranges::count(possible, StopAction::save);
  // What would have been saved is not to lose its work: it is asked to shut down in the time that is left.
  if (unsaved && possible == std::vector{StopAction::poweroff} && shutdown_obstacle(vm).empty() &&
      std::ranges::count(wanted, StopAction::shutdown) == 0)
    possible.insert(possible.begin(), StopAction::shutdown);
  return possible;
}

bool policy_leaves(const Vm& vm) {
  const auto actions = possible_actions(vm, nullptr);
  return !actions.empty() && actions.front() == StopAction::leave;
}

StopTime time_of(const Vm& vm, const std::vector<StopAction>& actions) {
  return stop_time(actions, vm.policy().stop_timeout_sec, save_takes_now(vm));
}

StopNode stop_node(const Vm& vm, std::vector<StopAction> actions) {
  const auto& policy = vm.policy();
  return {vm.uuid(),          vm.name(),          policy.stop_order,       policy.start_order,
          policy.start_after, std::move(actions), policy.stop_timeout_sec, save_takes_now(vm)};
}

}  // namespace virtsession
