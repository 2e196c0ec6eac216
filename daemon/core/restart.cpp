// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/restart.hpp"

#include "core/backoff.hpp"
#include "core/vm.hpp"

namespace virtsession {
namespace {

std::string text_of(CrashKind kind) {
  switch (kind) {
    case CrashKind::panicked:
      return "the guest panicked";
    case CrashKind::out_of_memory:
      return "QEMU was killed: memory ran out";
    case CrashKind::signalled:
      return "QEMU was ended by a signal";
    case CrashKind::crashed:
      break;
  }
  return "QEMU crashed";
}

bool wants_restart(const Vm& vm, CrashKind kind) {
  if (!vm.domain().persistent || vm.status().intent == Intent::down) return false;
  switch (vm.policy().restart) {
    case RestartWhen::no:
      break;
    case RestartWhen::on_failure:
      return kind != CrashKind::signalled;
    case RestartWhen::always:
      return true;
  }
  return false;
}

}  // namespace

bool RestartBudget::take(const Policy& policy, SteadyTime now) {
  if (used(policy, now) >= static_cast<std::uint64_t>(policy.restart_limit)) return false;
  taken_.push_back(now);
  ++count_;
  return true;
}

std::uint32_t RestartBudget::used(const Policy& policy, SteadyTime now) {
  std::erase_if(taken_, [&](SteadyTime when) { return when + from_seconds(policy.restart_window_sec) <= now; });
  return static_cast<std::uint32_t>(taken_.size());
}

void after_crash(Vm& vm, CrashKind kind, bool all_stop, Moment now) {
  const auto what = text_of(kind);
  journal(vm, Incident::crashed, what);
  vm.set_error(what);
  if (all_stop || !wants_restart(vm, kind)) {
    vm.want(Intent::none);
    const auto* why = all_stop ? "all VMs are being stopped" : "its policy does not restart it";
    return vm.enter(Phase::inactive, what + "; " + why, {CauseKind::crash}, now);
  }
  const auto& policy = vm.policy();
  const auto before = vm.restarts().used(policy, now.steady);
  if (!vm.restarts().take(policy, now.steady))
    return give_up(vm,
                   what + ", and was restarted " + std::to_string(before) + " times within " +
                       std::to_string(static_cast<std::int64_t>(policy.restart_window_sec)) + " s before",
                   {CauseKind::crash}, now);
  const auto wait = vm.context().backoff.wait(before, from_seconds(policy.restart_delay_sec),
                                              from_seconds(policy.restart_delay_max_sec));
  const auto cause = kind == CrashKind::out_of_memory ? CauseKind::memory : CauseKind::restart_policy;
  vm.set_start(VmStart::at(now.steady + wait, {cause}));
  vm.enter(
      Phase::backoff,
      what + "; restart " + std::to_string(before + 1) + " of " + std::to_string(policy.restart_limit) + " follows",
      {CauseKind::crash}, now);
}

void give_up(Vm& vm, const std::string& reason, const Cause& cause, Moment now) {
  vm.enter(Phase::gave_up, reason, cause, now, true);
  journal(vm, Incident::gave_up, "gave up: " + reason);
  notify(vm, Incident::gave_up, reason);
  vm.set_start({});  // last: the cause may be the start's own
}

}  // namespace virtsession
