// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest_save.hpp"

#include "core/calls.hpp"
#include "core/saved_by_others.hpp"
#include "core/stop_plan.hpp"
#include "core/vm.hpp"

#include <algorithm>
#include <chrono>

namespace virtsession {
namespace {

std::uint64_t known_speed(const Vm& vm) {
  return vm.lasting().save_kib_per_sec > 0 ? vm.lasting().save_kib_per_sec : vm.context().save_kib_per_sec;
}

}  // namespace

std::string save_obstacle(const Vm& vm) {
  if (!vm.domain().persistent) return "it is transient, and gone when it is off";
  if (!vm.domain().save_blocker.empty()) return vm.domain().save_blocker;
  return vm.run() ? vm.run()->saving().refusal() : std::string();
}

Duration save_takes(const Vm& vm) { return save_time(vm.domain().memory_kib, vm.lasting().save_kib_per_sec); }

Duration save_takes_now(const Vm& vm) {
  if (vm.run() && vm.run()->saving().takes()) return *vm.run()->saving().takes();
  return save_time(vm.domain().memory_kib, known_speed(vm));
}

bool save_speed_is_known(const Vm& vm) {
  return known_speed(vm) > 0 || (vm.run() && vm.run()->saving().takes().has_value());
}

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

void on_save_progress(Vm& vm, const JobProgress& progress, Moment now) {
  if (!vm.run() || !vm.run()->saving().begun() || progress.processed_bytes == 0) return;
  const std::chrono::duration<double> had = now.steady - vm.run()->saving().begun()->when;
  if (had < kSaveProgressInterval) return;
  const auto part = static_cast<double>(progress.processed_bytes) / static_cast<double>(progress.total_bytes);
  const auto takes = from_seconds(had.count() / std::clamp(part, 1e-4, 1.0));
  vm.run()->saving().set_takes(takes + kSaveProgressInterval);  // it is no faster than it is looked at
  if (const auto kib_per_sec = save_speed(vm.domain().memory_kib, takes); kib_per_sec > 0)
    vm.context().save_kib_per_sec = kib_per_sec;
}

void on_saved(Vm& vm, Moment now) {
  if (!vm.run() || !vm.run()->saving().begun()) return;
  const auto kib_per_sec = save_speed(vm.domain().memory_kib, now.steady - vm.run()->saving().begun()->when);
  if (kib_per_sec == 0) return;
  auto lasting = vm.lasting();
  lasting.save_kib_per_sec = kib_per_sec;
  vm.set_lasting(lasting);
}

}  // namespace virtsession
