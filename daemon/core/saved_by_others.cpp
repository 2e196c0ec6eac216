// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/saved_by_others.hpp"

#include "core/calls.hpp"
#include "core/vm.hpp"

namespace virtsession {
namespace {

bool is_at_a_job(const DomainSnapshot& domain) { return domain.pause_reason == PauseReason::job && domain.in_job; }

}  // namespace

void note_foreign_save(Vm& vm, const DomainSnapshot& before) {
  if (!vm.run() || !is_at_a_job(vm.domain()) || is_at_a_job(before) || vm.context().calls.lifecycle(vm.uuid())) return;
  vm.run()->saving().begin_by_others(vm.context().boxes_open);
}

bool was_saved_by_boxes(const Vm& vm, bool asked) {
  if (asked || vm.domain().shutoff_reason != ShutoffReason::saved) return false;
  return vm.context().boxes_open || (vm.run() && vm.run()->saving().by_boxes());
}

bool is_to_go_on_after_boxes(const Vm& vm) {
  return vm.policy().when_saved_by_others == WhenSaved::go_on && policy_starts(vm);
}

void go_on_after_boxes(Vm& vm, Moment now) {
  vm.set_start(VmStart::now({CauseKind::boxes}));
  vm.want(Intent::up);
  vm.enter(Phase::queued, "saved by GNOME Boxes, and goes on when that is closed", {CauseKind::boxes}, now);
}

}  // namespace virtsession
