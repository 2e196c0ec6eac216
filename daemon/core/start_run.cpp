// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/start_run.hpp"

#include "core/answers.hpp"
#include "core/config.hpp"
#include "core/list_text.hpp"
#include "core/ready_wait.hpp"
#include "core/start_needs.hpp"
#include "core/start_plan.hpp"
#include "core/vm_life.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace virtsession {
namespace {

const ReadyWait* ready_wait(const Vm& vm) { return vm.run() ? vm.run()->readiness().wait() : nullptr; }

/// Its start is under way or still to come, or it runs and is not ready yet.
bool is_coming_up(const Vm& vm) { return vm.start() || ready_wait(vm) || vm.status().phase == Phase::starting; }

/// Part of a run of autostart: VMs of a later order wait for it.
bool is_ordered(const Vm& vm) {
  if (vm.start()) return vm.start()->ordered();
  return ready_wait(vm) && ready_wait(vm)->ordered;
}

bool is_marked(const DomainSnapshot& domain) { return domain.autostart || domain.autostart_once.value_or(false); }

}  // namespace

StartRun::StartRun(const Context& context, Vms& vms, bool begun, std::set<std::string> was_up)
    : context_(context), vms_(vms), begun_(begun), may_learn_(!begun) {
  if (!begun_) was_up_ = std::move(was_up);
}

bool StartRun::wants(const Vm& vm) const {
  if (!vm.domain().persistent || vm.domain().active() || is_being_moved(vm.domain())) return false;
  switch (vm.policy().start) {
    case StartWhen::never:
      return false;
    case StartWhen::was_running:
      if (was_up_.contains(vm.uuid())) return true;
      break;
    case StartWhen::flag:
      break;
  }
  return is_marked(vm.domain());
}

void StartRun::on_first_list(bool starts, Moment now) {
  if (std::exchange(begun_, true)) return;
  if (starts) begin({CauseKind::login}, now);
  was_up_.clear();
}

void StartRun::begin(const Cause& cause, Moment now) {
  for (auto& [uuid, vm] : vms_.all())
    if (wants(vm)) begin(vm, cause, now);
}

void StartRun::begin(Vm& vm, const Cause& cause, Moment now) {
  if (vm.start() || context_.calls.lifecycle(vm.uuid())) return;
  vm.set_start(VmStart::in_order(cause, vm.domain().autostart));
  vm.want(Intent::up);
  vm.enter(Phase::queued, "waits for its turn", cause, now);
  // libvirt's flag for one start is used up by that start, as when libvirt itself starts the VM.
  if (vm.domain().autostart_once.value_or(false))
    context_.calls.send({.uuid = vm.uuid(), .call = call::SetAutostartOnce{.enable = false}}, cause);
}

void StartRun::on_request(RequestId id, const VmRequest& request, Moment now) {
  auto& vm = vms_.at(request.uuid);
  if (const auto busy = start_obstacle(vm)) return context_.answers.give(id, *busy);
  vm.want(Intent::up);
  if (!vm.domain().active() && !vm.start() && !context_.calls.lifecycle(vm.uuid())) {
    const auto cause = asked_by(request.caller);
    vm.restarts().reset();
    vm.set_error({});
    withdraw_notice(vm, Incident::gave_up);
    vm.set_start(VmStart::asked(cause));
    vm.enter(Phase::queued, "waits for its turn", cause, now);
  }
  context_.answers.give(id, {});
}

void StartRun::on_was_up(std::set<std::string> uuids, bool starts, Moment now) {
  if (!may_learn_) return;
  was_up_.merge(uuids);
  if (!begun_ || expects_newcomers_) return;  // the list that comes begins the starts
  for (auto& [uuid, vm] : vms_.all())
    if (starts && was_up_.contains(uuid) && vm.status().intent == Intent::none && !is_marked(vm.domain()) && wants(vm))
      begin(vm, {CauseKind::login}, now);
  was_up_.clear();
}

void StartRun::on_newcomers(const std::set<std::string>& uuids, bool starts, Moment now) {
  if (!std::exchange(expects_newcomers_, false)) return;
  for (const auto& uuid : uuids) {
    auto& vm = vms_.at(uuid);
    if (starts && wants(vm)) begin(vm, {CauseKind::login}, now);
  }
  was_up_.clear();
}

void StartRun::advance(Moment now) {
  wait_for_needs(vms_);
  for (bool progress = true; progress;) {
    progress = false;
    rebuild_plan();
    find_holders();
    for (const auto& uuid : plan_order_) progress |= advance_vm(vms_.at(uuid), now);
  }
  answer_settled();
}

bool StartRun::advance_vm(Vm& vm, Moment now) {
  if (ready_wait(vm)) return check_ready(vm, now);
  if (!vm.start()) return false;
  switch (vm.start()->advance(vm, turn_of(vm), now)) {
    case StartStep::none:
      return false;
    case StartStep::moved:
      return true;
    case StartStep::start:
      start_now(vm, now);
      return true;
    case StartStep::drop: {
      const auto moved = why_moved_away(vm.domain());
      vm.want(Intent::down);
      vm.enter(Phase::inactive, "not started: " + (moved.empty() ? "it is not marked to start any more" : moved),
               {CauseKind::policy}, now);
      vm.set_start({});
      return true;
    }
  }
  return false;
}

StartTurn StartRun::turn_of(const Vm& vm) const {
  const auto& planned = plan_.at(vm.uuid());
  StartTurn turn;
  if (planned.order > lowest_holding_order_) turn.held_by_order = lowest_holding_order_;
  for (const auto& uuid : planned.after) turn.waits_for.push_back(vms_.at(uuid).name());
  // Not for each VM that is queued: with a thousand of them that is a million looks.
  if (vm.start() && vm.start()->free_memory_mib(vm) > 0) turn.reserved_mib = reserved_memory_mib(vm);
  turn.slot_free = context_.calls.starts() < static_cast<std::size_t>(context_.config.parallel);
  return turn;
}

void StartRun::start_now(Vm& vm, Moment now) {
  const auto cause = vm.start()->cause();
  vm.enter(Phase::starting, reason_text(cause) + missing_text(vm), cause, now);
  context_.calls.send({.uuid = vm.uuid(), .call = call::Start{}}, cause);
}

void StartRun::on_failed(Vm& vm, const Error& error, Moment now) {
  if (error.code == ErrorCode::interrupted) {  // as if it had come up and been stopped then
    vm.set_error({});
    vm.set_start({});
    vm.want(Intent::down);
    return vm.enter(Phase::inactive, "stopped by a client while it started", {CauseKind::other_client}, now);
  }
  const bool unavailable = error.code == ErrorCode::libvirt_unavailable;
  auto text = "failed to start: " + error.message;
  if (vm.domain().managed_save && !unavailable)
    text += " (its saved state is kept; a start with force_boot drops it and boots anew)";
  if (!vm.start() || !unavailable) journal(vm, Incident::start_failed, text);
  if (!vm.start()) return vm.enter(Phase::inactive, text, {CauseKind::libvirt}, now);
  if (!vm.start()->on_failed(vm, error, text, now)) give_up(vm, text, vm.start()->cause(), now);
}

/// Memory that VMs which were just started have not taken yet.
std::uint64_t StartRun::reserved_memory_mib(const Vm& except) const {
  std::uint64_t kib = 0;
  for (const auto& uuid : plan_order_) {
    const auto& vm = vms_.at(uuid);
    const auto phase = vm.status().phase;
    if (&vm != &except && (phase == Phase::starting || phase == Phase::waiting_ready)) kib += vm.domain().memory_kib;
  }
  return kib / 1024;
}

void StartRun::rebuild_plan() {
  plan_.clear();
  plan_order_.clear();
  if (std::ranges::none_of(vms_.attended(), is_coming_up)) return;
  std::vector<StartNode> nodes;
  for (const Vm& vm : vms_.attended()) {
    // A restart waits for no other VM, but others wait for it.
    const bool waits = vm.start() && vm.start()->takes_turn();
    const bool comes = is_coming_up(vm);
    nodes.push_back({vm.uuid(), vm.name(), vm.policy().start_order,
                     waits ? vm.policy().start_after : std::vector<std::string>(), comes,
                     vm.domain().active() && !comes});
  }
  for (auto& planned : plan_starts(std::move(nodes))) {
    plan_order_.push_back(planned.uuid);
    plan_[planned.uuid] = {planned.order, std::move(planned.after)};
  }
}

/// A VM holds up later orders while its start goes on by itself: not while it waits for something of the host, for its
/// next try, or for a VM that does; and only if it is part of the run.
void StartRun::find_holders() {
  lowest_holding_order_ = std::numeric_limits<std::int64_t>::max();
  std::set<std::string> blocked;
  for (const auto& uuid : plan_order_) {  // what a VM waits for comes before it
    auto& planned = plan_.at(uuid);
    const auto& vm = vms_.at(uuid);
    const auto stage = vm.start() ? vm.start()->stage() : StartStage::starting;
    const auto is_blocked = [&](const auto& other) { return blocked.contains(other); };
    const auto moves = [&](const auto& other) { return plan_.at(other).moves; };
    planned.moves = stage != StartStage::conditions && std::ranges::all_of(planned.after, moves);
    if (stage == StartStage::conditions || stage == StartStage::backoff ||
        std::ranges::any_of(planned.after, is_blocked))
      blocked.insert(uuid);
    if (is_ordered(vm) && !blocked.contains(uuid))
      lowest_holding_order_ = std::min(lowest_holding_order_, planned.order);
  }
}

bool StartRun::lacks(const Vm& vm) const {
  const auto phase = vm.status().phase;
  if (vm.start() || phase == Phase::gave_up || phase == Phase::stuck) return true;
  return wants(vm) && !vm.status().last_error.empty();
}

AutostartState StartRun::state() const {
  if (!begun_) return AutostartState::pending;
  if (!context_.connected) return AutostartState::unknown;
  bool incomplete = false;
  for (const Vm& vm : vms_.attended()) {
    const auto planned = plan_.find(vm.uuid());
    if (is_ordered(vm) && (planned == plan_.end() || planned->second.moves)) return AutostartState::running;
    incomplete |= lacks(vm);
  }
  return incomplete ? AutostartState::incomplete : AutostartState::done;
}

void StartRun::answer_settled() {
  if (!context_.answers.any(StartsSettle{}) || state() == AutostartState::running) return;
  std::vector<std::string> off;
  for (const Vm& vm : vms_.attended())
    if (lacks(vm)) off.push_back(in_quotes(vm.name()) + " (" + vm.status().reason + ")");
  Result<void> result;
  if (!off.empty())
    result =
        Error{ErrorCode::operation_failed, "the start has ended, and not all is well with these: " + list_text(off)};
  context_.answers.close(StartsSettle{}, result);
}

std::optional<SteadyTime> StartRun::wake() const {
  auto first = SteadyTime::max();
  for (const Vm& vm : vms_.attended()) {
    if (vm.start()) first = std::min(first, vm.start()->wake().value_or(first));
    if (ready_wait(vm)) first = std::min(first, ready_check(vm));
  }
  return first == SteadyTime::max() ? std::nullopt : std::optional(first);
}

WantedFacts StartRun::wanted_facts() const {
  WantedFacts wanted;
  for (const Vm& vm : vms_.attended())
    if (vm.start() && vm.start()->stage() != StartStage::starting) {
      add_wanted(wanted, vm.policy());
      wanted.memory |= vm.start()->free_memory_mib(vm) > 0;
    }
  add_needs_wanted(wanted, vms_);
  return wanted;
}

void StartRun::check_dependencies() {
  if (!std::exchange(dependencies_stale_, false)) return;
  std::vector<StartNode> nodes;
  for (const auto& [uuid, vm] : vms_.all()) {
    // Of what starts at a login, whether it runs now or not; another VM that runs is no problem either.
    const auto& domain = vm.domain();
    const auto when = vm.policy().start;
    const bool starts =
        domain.persistent && when != StartWhen::never && (when == StartWhen::was_running || is_marked(domain));
    nodes.push_back(
        {uuid, vm.name(), vm.policy().start_order, vm.policy().start_after, starts, !starts && domain.active()});
  }
  std::map<std::string, std::vector<Problem>> problems;
  for (auto& planned : plan_starts(std::move(nodes)))
    if (!planned.problems.empty()) problems[planned.uuid] = std::move(planned.problems);
  const auto before = std::exchange(dependency_problems_, std::move(problems));
  for (const auto& [uuid, those] : before) vms_.touch(uuid);
  for (const auto& [uuid, those] : dependency_problems_) vms_.touch(uuid);
}

std::vector<Problem> StartRun::dependency_problems(const std::string& uuid) const {
  const auto found = dependency_problems_.find(uuid);
  return found == dependency_problems_.end() ? std::vector<Problem>() : found->second;
}

std::string StartRun::missing_text(const Vm& vm) const {
  std::vector<std::string> missing;
  for (const auto& name : vm.policy().start_after) {
    const auto* other = vms_.find_by_name_or_uuid(name);
    if (!other)
      missing.push_back(in_quotes(name) + " (no such VM)");
    else if (!other->domain().active())
      missing.push_back(in_quotes(name) + " (" + std::string(to_text(other->status().phase)) + ")");
    else if (other->run() && other->run()->readiness().never())
      missing.push_back(in_quotes(name) + " (not ready)");
  }
  return missing.empty() ? "" : "; without " + list_text(missing);
}

}  // namespace virtsession
