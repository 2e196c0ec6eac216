// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/unstick.hpp"

#include "core/calls.hpp"
#include "core/conditions.hpp"
#include "core/vms.hpp"

#include <algorithm>

namespace virtsession {
namespace {

constexpr std::uint64_t kRoom = 64ULL * 1024 * 1024;
constexpr Duration kTryAgain = std::chrono::seconds(30);

bool waits_for_room(const Vm& vm) {
  return vm.status().phase == Phase::stuck && vm.domain().pause_reason == PauseReason::io_error &&
         !vm.domain().disk_error_path.empty() && vm.policy().resume_when_unstuck && vm.domain().persistent;
}

bool has_room(const Context& context, const Vm& vm) {
  const auto room = context.facts.free_bytes.find(vm.domain().disk_error_path);
  return room != context.facts.free_bytes.end() && room->second >= kRoom;
}

/// When it is told to go on; nothing while there is no room, or while libvirt is at it.
std::optional<SteadyTime> try_at(const Context& context, const Vm& vm) {
  if (!waits_for_room(vm) || !vm.run() || context.calls.lifecycle(vm.uuid()) || !has_room(context, vm)) return {};
  return vm.run()->standstill().unstuck() ? *vm.run()->standstill().unstuck() + kTryAgain : SteadyTime::min();
}

}  // namespace

void add_room_wanted(WantedFacts& wanted, const Vms& vms) {
  for (const Vm& vm : vms.attended())
    if (waits_for_room(vm)) wanted.free_bytes.insert(vm.domain().disk_error_path);
}

void resume_unstuck(const Context& context, Vms& vms, Moment now) {
  for (Vm& vm : vms.attended()) {
    const auto when = try_at(context, vm);
    if (!when || now.steady < *when) continue;
    vm.run()->standstill().unstuck_at(now.steady);
    context.calls.send({.uuid = vm.uuid(), .call = call::Resume{}}, {CauseKind::policy});
  }
}

std::optional<SteadyTime> unstick_wake(const Context& context, const Vms& vms) {
  std::optional<SteadyTime> first;
  for (const Vm& vm : vms.attended())
    if (const auto when = try_at(context, vm)) first = std::min(first.value_or(*when), *when);
  return first;
}

}  // namespace virtsession
