// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm_start.hpp"

#include "core/backoff.hpp"
#include "core/conditions.hpp"
#include "core/list_text.hpp"
#include "core/start_needs.hpp"
#include "core/vm.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace virtsession {
namespace {

constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLastRetry = std::chrono::seconds(60);

}  // namespace

bool VmStart::is_owed(const Vm& vm) const {
  if (!ordered_) return true;
  return vm.policy().start != StartWhen::never && (vm.domain().autostart || !marked_);
}

std::int64_t VmStart::free_memory_mib(const Vm& vm) const {
  const auto wanted = vm.policy().start_if_free_memory_mib;
  if (cause_.kind != CauseKind::memory) return wanted;
  // Started into the same shortage, it would be killed again, or something else would.
  return std::max(wanted, static_cast<std::int64_t>(vm.domain().memory_kib / 1024));
}

StartStep VmStart::advance(Vm& vm, const StartTurn& turn, Moment now) {
  if (stage_ == StartStage::starting) return StartStep::none;
  if (!is_owed(vm) || is_being_moved(vm.domain())) return StartStep::drop;
  switch (stage_) {
    case StartStage::queued:
      return pass_queue(vm, turn, now);
    case StartStage::delayed:
    case StartStage::backoff: {
      if (now.steady < until_) return StartStep::none;
      const auto step = pass_conditions(vm, turn, now);
      return step == StartStep::none ? StartStep::moved : step;
    }
    case StartStage::conditions:
    case StartStage::slot:
      return pass_conditions(vm, turn, now);
    case StartStage::starting:
      break;
  }
  return StartStep::none;
}

StartStep VmStart::pass_queue(Vm& vm, const StartTurn& turn, Moment now) {
  if (turn.held_by_order) {
    vm.enter(Phase::queued, "waits for VMs of order " + std::to_string(*turn.held_by_order), cause_, now);
    return StartStep::none;
  }
  if (!turn.waits_for.empty()) {
    std::vector<std::string> names;
    for (const auto& name : turn.waits_for) names.push_back(in_quotes(name));
    vm.enter(Phase::waiting, "waits for " + list_text(names) + " to be ready", cause_, now);
    return StartStep::none;
  }
  const auto delay = vm.policy().start_delay_sec;
  if (delay > 0 && !delay_over_) {
    stage_ = StartStage::delayed;
    delay_over_ = true;
    until_ = now.steady + from_seconds(delay);
    vm.enter(Phase::waiting, "waits " + nlohmann::json(delay).dump() + " s", cause_, now);
    return StartStep::moved;
  }
  const auto step = pass_conditions(vm, turn, now);
  return step == StartStep::none ? StartStep::moved : step;
}

StartStep VmStart::pass_conditions(Vm& vm, const StartTurn& turn, Moment now) {
  const auto before = stage_;
  const auto moved = [&] { return before == stage_ ? StartStep::none : StartStep::moved; };
  if (takes_turn() && !turn.waits_for.empty()) {  // what was ready when its turn came is not any more
    stage_ = StartStage::queued;
    return StartStep::moved;
  }
  auto unmet = unmet_conditions(vm.policy(), free_memory_mib(vm), vm.context().facts, turn.reserved_mib);
  if (cause_.kind == CauseKind::boxes && vm.context().boxes.open) unmet.things.emplace_back("GNOME Boxes to be closed");
  for (auto& missing : missing_needs(vm))  // a disk may be one of the paths of the policy
    if (std::ranges::find(unmet.paths, missing) == unmet.paths.end()) unmet.paths.push_back(std::move(missing));
  if (!unmet.empty()) {
    stage_ = StartStage::conditions;
    vm.enter(Phase::waiting, to_text(unmet), cause_, now);
    return moved();
  }
  stage_ = StartStage::slot;
  if (!turn.slot_free) {
    vm.enter(Phase::queued, "waits until fewer VMs are starting", cause_, now);
    return moved();
  }
  stage_ = StartStage::starting;
  return StartStep::start;
}

bool VmStart::on_failed(Vm& vm, const Error& error, const std::string& text, Moment now) {
  stage_ = StartStage::backoff;
  if (error.code == ErrorCode::libvirt_unavailable) {  // that is no failure of the VM
    until_ = now.steady + kFirstRetry;
    vm.enter(Phase::backoff, text, cause_, now);
    return true;
  }
  if (error.of_helper) {  // nor is that, and systemd brings such a daemon back
    until_ = now.steady + vm.context().backoff.wait(unserved_++, kFirstRetry, kLastRetry);
    vm.enter(Phase::backoff, text + "; a daemon of libvirt's did not answer, and is waited for", cause_, now);
    return true;
  }
  if (!error.retry_helps) return false;
  const auto retries = vm.policy().start_retries;
  if (attempt_ >= static_cast<std::uint64_t>(retries)) return false;
  until_ = now.steady + vm.context().backoff.wait(attempt_++, kFirstRetry, kLastRetry);
  vm.enter(Phase::backoff, text + "; try " + std::to_string(attempt_) + " of " + std::to_string(retries) + " follows",
           cause_, now);
  return true;
}

void VmStart::on_policy(const Policy& before, const Policy& after) {
  if (stage_ != StartStage::delayed || before.start_delay_sec == after.start_delay_sec) return;
  stage_ = StartStage::queued;
  delay_over_ = false;
}

void VmStart::call_lost() {
  if (stage_ == StartStage::starting) stage_ = StartStage::slot;
}

std::optional<SteadyTime> VmStart::wake() const {
  const bool timed = stage_ == StartStage::delayed || stage_ == StartStage::backoff;
  return timed ? std::optional(until_) : std::nullopt;
}

}  // namespace virtsession
