// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/ready_wait.hpp"

#include "core/vm.hpp"

#include <nlohmann/json.hpp>

namespace virtsession {

SteadyTime ready_check(const Vm& vm) {
  const auto& policy = vm.policy();
  const bool delay = policy.start_ready.when == ReadyWhen::delay;
  return vm.run()->readiness().wait()->since +
         from_seconds(delay ? policy.start_ready_delay_sec : policy.start_ready_timeout_sec);
}

void begin_ready_wait(Vm& vm, bool ordered, Moment now) {
  if (vm.policy().start_ready.when == ReadyWhen::started || !vm.domain().persistent) return;
  vm.run()->readiness().wait_for({vm.policy().start_ready, now.steady, ordered});
}

bool check_ready(Vm& vm, Moment now) {
  auto& run = *vm.run();
  const auto& readiness = vm.policy().start_ready;
  if (const auto& wait = *run.readiness().wait(); wait.readiness != readiness) {
    run.readiness().wait_for({readiness, wait.since, wait.ordered});
    if (vm.status().phase == Phase::waiting_ready)
      vm.enter(Phase::waiting_ready, "waits to be ready: " + to_text(readiness), {CauseKind::policy}, now);
  }
  const bool time_is_up = now.steady >= ready_check(vm);
  bool ready = false, no_agent = false;
  switch (readiness.when) {
    case ReadyWhen::started:
      ready = true;
      break;
    case ReadyWhen::agent:
      ready = vm.domain().agent_connected;
      no_agent = !vm.domain().agent_configured;
      break;
    case ReadyWhen::tcp:
      ready = run.readiness().wait()->answered;
      break;
    case ReadyWhen::delay:
      ready = time_is_up;
      break;
  }
  if (!ready && !no_agent && !time_is_up) return false;
  const bool runs = vm.status().phase == Phase::waiting_ready;  // else it stands still, and says so
  if (ready) {
    run.readiness().reached();
    if (runs) vm.enter(Phase::running, "ready: " + to_text(readiness), {CauseKind::policy}, now);
    return true;
  }
  run.readiness().give_up();
  const auto error = no_agent ? std::string("it has no channel for a guest agent")
                              : "not ready by " + to_text(readiness) + " within " +
                                    nlohmann::json(vm.policy().start_ready_timeout_sec).dump() + " s";
  vm.set_error(error);
  if (runs) vm.enter(Phase::running, "started; VMs that start after it go on", {CauseKind::policy}, now);
  journal(vm, Incident::not_ready, error);
  return true;
}

}  // namespace virtsession
