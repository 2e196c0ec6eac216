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

}  // namespace

void add_room_wanted(WantedFacts& wanted, const Vms& vms) {
  for (const auto& [uuid, vm] : vms.all())
    if (waits_for_room(vm)) wanted.free_bytes.insert(vm.domain().disk_error_path);
}

void resume_unstuck(const Context& context, Vms& vms, Moment now) {
  for (auto& [uuid, vm] : vms.all()) {
    if (!waits_for_room(vm) || !vm.run() || context.calls.lifecycle(uuid)) continue;
    if (vm.run()->unstuck() && now.steady < *vm.run()->unstuck() + kTryAgain) continue;
    if (!has_room(context, vm)) continue;
    vm.run()->unstuck_at(now.steady);
    context.calls.send({.uuid = uuid, .call = call::Resume{}}, {CauseKind::policy});
  }
}

std::optional<SteadyTime> unstick_wake(const Context& context, const Vms& vms) {
  auto first = SteadyTime::max();
  for (const auto& [uuid, vm] : vms.all())
    if (waits_for_room(vm) && vm.run() && vm.run()->unstuck() && has_room(context, vm) &&
        !context.calls.lifecycle(uuid))
      first = std::min(first, *vm.run()->unstuck() + kTryAgain);
  return first == SteadyTime::max() ? std::nullopt : std::optional(first);
}

}  // namespace virtsession
