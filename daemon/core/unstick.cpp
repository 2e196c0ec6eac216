// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/unstick.hpp"

#include "core/calls.hpp"
#include "core/conditions.hpp"
#include "core/vms.hpp"

namespace virtsession {
namespace {

constexpr std::uint64_t kRoom = 64ULL * 1024 * 1024;
constexpr Duration kTryAgain = std::chrono::seconds(30);

bool waits_for_room(const Vm& vm) {
  return vm.status().phase == Phase::stuck && vm.domain().pause_reason == PauseReason::io_error &&
         !vm.domain().disk_error_path.empty() && vm.policy().resume_when_unstuck && vm.domain().persistent;
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
    const auto room = context.facts.free_bytes.find(vm.domain().disk_error_path);
    if (room == context.facts.free_bytes.end() || room->second < kRoom) continue;
    vm.run()->unstuck_at(now.steady);
    context.calls.send({.uuid = uuid, .call = call::Resume{}}, {CauseKind::policy});
  }
}

}  // namespace virtsession
