// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/interrupted_shutdown.hpp"

#include "core/calls.hpp"
#include "core/vm.hpp"

namespace virtsession {
namespace {

/// Later than this after it was restored, a guest that powers off does it for another reason.
constexpr std::uint64_t kRestTakesUsec = 300'000'000;

bool boots_anew(const Vm& vm) {
  const auto* call = vm.context().calls.lifecycle(vm.uuid());
  const auto* start = call ? std::get_if<call::Start>(&call->operation.call) : nullptr;
  return start && start->force_boot;
}

}  // namespace

void note_begin(Vm& vm, bool restored, Moment now) {
  auto lasting = vm.lasting();
  if (!lasting.shutdown_interrupted) return;
  lasting.shutdown_interrupted = restored && !boots_anew(vm);
  lasting.restored_usec = lasting.shutdown_interrupted ? now.wall_usec : 0;
  vm.set_lasting(lasting);
}

bool note_end(Vm& vm, bool asked, Moment now) {
  const auto reason = vm.domain().shutoff_reason;
  auto lasting = vm.lasting();
  const bool in_time = lasting.restored_usec > 0 && now.wall_usec < lasting.restored_usec + kRestTakesUsec;
  const bool goes_on = lasting.shutdown_interrupted && in_time;
  const bool told = vm.run() && vm.run()->was_told_to_shut_down();
  lasting.shutdown_interrupted = reason == ShutoffReason::saved && (told || goes_on);
  lasting.restored_usec = 0;
  vm.set_lasting(lasting);
  const bool by_guest = reason == ShutoffReason::shutdown && !(vm.run() && vm.run()->host_ended_it());
  return goes_on && by_guest && !asked && policy_starts(vm);
}

void start_again(Vm& vm, Moment now) {
  vm.set_start(VmStart::now({CauseKind::policy}));
  vm.want(Intent::up);
  vm.enter(Phase::queued, "starts again: it only ended the shutdown in the middle of which it had been saved",
           {CauseKind::policy}, now);
}

}  // namespace virtsession
