// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_actions.hpp"

#include "core/calls.hpp"
#include "core/vm.hpp"

namespace virtsession {

bool is_to_be_stopped(const Vm& vm) {
  if (!vm.domain().persistent) return false;
  return vm.domain().active() || vm.context().calls.has(vm.uuid(), OperationKind::start);
}

std::vector<StopAction> possible_actions(const Vm& vm, std::string* left_out) {
  const auto& domain = vm.domain();
  const bool frozen = domain.state == DomainState::crashed || domain.state == DomainState::pm_suspended;
  std::vector<StopAction> possible;
  const auto leave_out = [&](StopAction action, const std::string& why) {
    if (left_out) *left_out += "; not " + std::string(to_text(action)) + ": " + why;
  };
  for (const auto action : vm.policy().stop_actions) {
    if (action == StopAction::shutdown && domain.restarts_on_poweroff)
      leave_out(action, "it would start again (on_poweroff is restart)");
    else if (action == StopAction::shutdown && frozen)
      leave_out(action, "the guest does not run (" + std::string(to_text(domain.state)) + ")");
    else if (action == StopAction::save && !domain.save_blocker.empty())
      leave_out(action, domain.save_blocker);
    else
      possible.push_back(action);
    if (action == StopAction::leave) break;
  }
  return possible;
}

StopNode stop_node(const Vm& vm, std::vector<StopAction> actions) {
  const auto& policy = vm.policy();
  return {vm.uuid(),          vm.name(),          policy.stop_order,       policy.start_order,
          policy.start_after, std::move(actions), policy.stop_timeout_sec, vm.domain().memory_kib};
}

}  // namespace virtsession
