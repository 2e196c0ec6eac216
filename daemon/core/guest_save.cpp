// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest_save.hpp"

#include "core/calls.hpp"
#include "core/saved_by_others.hpp"
#include "core/stop_plan.hpp"
#include "core/vm.hpp"

#include <chrono>

namespace virtsession {

std::string save_obstacle(const Vm& vm) {
  if (!vm.domain().persistent) return "it is transient, and gone when it is off";
  if (!vm.domain().save_blocker.empty()) return vm.domain().save_blocker;
  return vm.run() ? vm.run()->saving().refusal() : std::string();
}

Duration save_takes(const Vm& vm) { return save_time(vm.domain().memory_kib, vm.lasting().save_kib_per_sec); }

OperationId send_save(Vm& vm, bool bypass_cache, const Cause& cause, Moment now) {
  const auto& domain = vm.domain();
  const bool paused = domain.state == DomainState::paused && domain.pause_reason == PauseReason::user && !vm.hold() &&
                      !is_to_resume_after_boxes(vm, now);
  if (vm.run()) vm.run()->saving().begin({now.steady, paused});
  return vm.context().calls.send({.uuid = vm.uuid(), .call = call::Save{bypass_cache, !paused}}, cause);
}

void on_save_failed(Vm& vm, const Error& error) {
  if (vm.run()) vm.run()->saving().failed();
  if (vm.run() && error.code == ErrorCode::not_supported)
    vm.run()->saving().set_refusal("libvirt refused it: " + error.message);
  vm.set_error("failed to save: " + error.message);
}

void on_saved(Vm& vm, Moment now) {
  if (!vm.run() || !vm.run()->saving().begun()) return;
  const std::chrono::duration<double> took = now.steady - vm.run()->saving().begun()->when;
  const auto kib = static_cast<double>(vm.domain().memory_kib);
  if (took.count() <= 0 || kib / took.count() < 1) return;
  auto lasting = vm.lasting();
  lasting.save_kib_per_sec = static_cast<std::uint64_t>(kib / took.count());
  vm.set_lasting(lasting);
}

}  // namespace virtsession
