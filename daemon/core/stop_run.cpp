// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_run.hpp"

#include "core/answers.hpp"
#include "core/config.hpp"
#include "core/list_text.hpp"
#include "core/stop_actions.hpp"
#include "core/vm_life.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {
namespace {

bool is_stopping(const Vm& vm) { return vm.is_stopping(); }

}  // namespace

void StopRun::begin(const Cause& cause, std::optional<SteadyTime> deadline, Moment now) {
  if (!current_) {
    start_over({.cause = cause, .deadline = deadline}, now);
    if (deadline) cut_to_deadline(*deadline, now);  // of what was being stopped alone
  } else if (deadline && !ends_session() && (!current_->deadline || *deadline < *current_->deadline)) {
    cut_to_deadline(*deadline, now);
  }
}

void StopRun::end_session(SteadyTime deadline, std::set<std::string> up, Moment now) {
  if (ends_session()) return;
  Current run{.cause = {CauseKind::session_end}, .ends_session = true, .deadline = deadline, .up = std::move(up)};
  if (current_) {
    run.hurried = current_->hurried;
    for (Vm& vm : vms_.attended())  // what was left running has to end now
      if (vm.stop() && vm.stop()->ended()) vm.set_stop({});
  }
  start_over(std::move(run), now);
  cut_to_deadline(deadline, now);
}

void StopRun::resume(const KeptStop& stop, std::set<std::string> up) {
  current_ = Current{.cause = stop.cause,
                     .ends_session = stop.cause.kind == CauseKind::session_end,
                     .deadline = stop.deadline,
                     .begun = stop.begun,
                     .resumed = true,
                     .up = std::move(up)};
}

void StopRun::learn_up(const std::set<std::string>& up) {
  if (!ends_session()) return;
  for (const auto& uuid : up) {
    const auto* vm = vms_.find(uuid);
    if (current_->resumed || !vm || vm->status().intent == Intent::none) current_->up.insert(uuid);
  }
}

void StopRun::resume(Vm& vm) {
  if (under_way() && !vm.stop() && is_to_be_stopped(vm, ends_session()))
    vm.set_stop(VmStop(possible_actions(vm, nullptr)));
}

void StopRun::on_request(RequestId id, const VmRequest& request, Moment now) {
  auto& vm = vms_.at(request.uuid);
  const auto begun = begin_alone(vm, asked_by(request.caller), now);
  if (begun && request.wait && vm.is_stopping())
    context_.answers.open(id, VmStopEnds{vm.uuid()});
  else
    context_.answers.give(id, begun);
}

/// \return why it is not stopped; nothing also when it is off, or being stopped already
Result<void> StopRun::begin_alone(Vm& vm, const Cause& cause, Moment now) {
  if (vm.is_stopping()) return {};
  if (vm.domain().active() && (vm.stop() || policy_leaves(vm)))
    return Error{ErrorCode::operation_failed,
                 "VM " + in_quotes(vm.name()) + " is left running, as its policy says (stop_actions)"};
  vm.want(Intent::down);
  if (vm.hold() && vm.hold()->saves()) vm.set_hold({});  // it does not go on when the host wakes up
  if (vm.stop() || (!vm.start() && !is_to_be_stopped(vm, true))) return {};
  vm.set_stop(VmStop(possible_actions(vm, nullptr), cause));
  drop_start(vm, now);
  return {};
}

const StopTerms& StopRun::terms(const Vm& vm) const {
  if (current_ || !vm.stop() || !vm.stop()->alone()) return *this;
  return *vm.stop()->alone();
}

void StopRun::advance_alone(Moment now) {
  for (Vm& vm : vms_.attended()) {
    if (!vm.stop()) continue;
    if (context_.connected) drop_start(vm, now);  // one that was lost with libvirt
    if (vm.stop()->started_again()) vm.stop()->end(vm, std::nullopt);
    while (context_.connected && vm.stop()->advance(vm, terms(vm), now)) {
    }
    if (!vm.stop()->ended()) continue;
    vm.set_stop({});
    if (vm.domain().active()) {
      vm.want(Intent::up);
      if (vm.run()) vm.run()->keep_running();
    }
    if (context_.connected && !context_.calls.lifecycle(vm.uuid())) settle(vm, false, now);
  }
}

void StopRun::start_over(Current run, Moment now) {
  run.begun = now.steady;
  run.connected_by = now.steady + kReconnectTime;
  current_ = std::move(run);
  context_.answers.close(StartsSettle{},
                         Error{ErrorCode::shutting_down, "all VMs are being stopped " + reason_text(cause())});
  for (Vm& vm : vms_.attended()) {
    drop_start(vm, now);
    if (!vm.hold() || !vm.hold()->saves() || ends_session()) continue;
    vm.set_hold({});  // it does not go on when the host wakes up
    if (!vm.domain().active()) vm.want(Intent::down);
  }
  add_stops();
  const auto count = std::ranges::count_if(vms_.attended(), is_stopping);
  auto text = "Stopping " + std::to_string(count) + (count == 1 ? " VM" : " VMs") + " " + reason_text(cause());
  if (current_->deadline) text += ", within " + seconds_text(*current_->deadline - now.steady);
  context_.outbox.put(JournalEntry{Incident::stopping, {}, {}, text});
}

/// What is under way was given its time without this deadline.
void StopRun::cut_to_deadline(SteadyTime deadline, Moment now) {
  current_->deadline = deadline;
  rebuild_plan();
  const auto cut = fit(left(now.steady, true), now.steady);
  for (Vm& vm : vms_.attended())
    if (vm.stop()) vm.stop()->cut(vm, cut.share(vm.uuid()), *this, now);
}

void StopRun::drop_start(Vm& vm, Moment now) {
  if (!vm.start() || vm.start()->stage() == StartStage::starting) return;
  vm.set_start({});
  if (!ends_session()) vm.want(Intent::down);
  const auto& why = terms(vm).cause();
  if (!vm.domain().active()) vm.enter(Phase::inactive, "not started: " + to_text(why), why, now);
}

void StopRun::add_stops() {
  for (Vm& vm : vms_.attended())
    if (!vm.stop() && is_to_be_stopped(vm, ends_session())) vm.set_stop(VmStop(possible_actions(vm, nullptr)));
  rebuild_plan();
}

/// With those that are off by now: who is left keeps the place that it has in the whole.
void StopRun::rebuild_plan() {
  std::vector<StopNode> nodes;
  for (const Vm& vm : vms_.attended())
    if (vm.stop() && !vm.domain().appliance) nodes.push_back(stop_node(vm, vm.stop()->actions()));
  plan_.clear();
  for (auto& planned : plan_stops(nodes)) plan_.emplace(planned.uuid, std::move(planned));
}

void StopRun::advance(Moment now) {
  if (!current_) return advance_alone(now);
  if (!under_way()) return;
  for (Vm& vm : vms_.attended()) {
    if (context_.connected) drop_start(vm, now);
    if (!vm.stop() || !vm.stop()->started_again()) continue;
    if (ends_session())
      vm.set_stop({});  // it is found to run, and gets another
    else
      vm.stop()->end(vm, std::nullopt);
  }
  if (ends_session()) {
    if (context_.connected) add_stops();  // also what another client started meanwhile
    check_libvirt_answers(now);
    terminate_the_rest(now);
  }
  for (bool progress = context_.connected; progress;) {
    progress = false;
    rebuild_plan();
    for (Vm& vm : vms_.attended())
      if (vm.stop()) progress |= vm.stop()->advance(vm, *this, now);
  }
  look_at_ends();
  const bool past_deadline = current_->deadline && now.steady >= *current_->deadline;
  const bool unknown = !context_.connected && unseen_ && !current_->libvirt_given_up;
  if (past_deadline || (!unknown && std::ranges::none_of(vms_.attended(), is_stopping))) end(now);
}

void StopRun::look_at_ends() {
  for (const Vm& vm : vms_.attended())
    if (vm.stop() && vm.stop()->outcome()) current_->outcomes[vm.uuid()] = *vm.stop()->outcome();
}

bool StopRun::may_begin(const Vm& vm) const {
  const auto& planned = plan_.at(vm.uuid());
  std::int64_t under_way = 0;
  for (const auto& [uuid, other] : plan_) {
    const auto* stops = vms_.find(uuid);
    if (!stops || !stops->is_stopping() || stops->stop()->overdue()) continue;
    if (other.order < planned.order) return false;
    if (std::ranges::find(planned.before, uuid) != planned.before.end()) return false;
    if (!stops->stop()->queued()) ++under_way;
  }
  return under_way < context_.config.stop_parallel;
}

SteadyTime StopRun::last_call() const {
  if (!current_->deadline) return SteadyTime::max();
  return current_->begun + until_last_call(*current_->deadline - current_->begun);
}

/// \param anew what is under way is given its time again
StopWaves StopRun::left(SteadyTime now, bool anew) const {
  StopWaves left;
  for (const auto& [uuid, planned] : plan_) {
    const auto* vm = vms_.find(uuid);
    if (vm && vm->is_stopping() && !vm->stop()->overdue())
      left[planned.wave].push_back(vm->stop()->time_left(*vm, now, anew));
  }
  return left;
}

StopFit StopRun::fit(const StopWaves& left, SteadyTime now) const {
  if (!current_->deadline) return {};
  return fit_stops(left, context_.config.stop_parallel, last_call() - now);
}

StopShare StopRun::share(const Vm& vm, SteadyTime now) const { return fit(left(now, false), now).share(vm.uuid()); }

Duration StopRun::spare(const Vm& vm, SteadyTime now) const {
  if (!current_->deadline) return {};
  const auto waves = left(now, false);
  return spare_time(waves, vm.uuid(), fit(waves, now), context_.config.stop_parallel, last_call() - now);
}

void StopRun::hurry(Moment now) {
  if (!under_way()) return;
  current_->hurried = true;
  for (Vm& vm : vms_.attended())
    if (vm.is_stopping()) vm.stop()->hurry(vm, *this, now);
}

void StopRun::on_libvirt_lost(Moment now) {
  if (current_) {
    current_->connected_by = now.steady + kReconnectTime;
    current_->away_since = now.steady;
  }
  for (Vm& vm : vms_.attended())
    if (vm.stop()) vm.stop()->on_libvirt_lost();
}

bool StopRun::on_call_done(Vm& vm, const PendingCall& call, const Result<void>& result, Moment now) {
  return vm.stop() && vm.stop()->on_call_done(vm, call, result, terms(vm), now);
}

void StopRun::on_rebooted(Vm& vm, Moment now) {
  if (vm.stop()) vm.stop()->on_rebooted(vm, terms(vm), now);
}

bool StopRun::on_gone(Vm& vm, Moment now) {
  if (!vm.is_stopping()) return false;
  vm.stop()->on_gone(vm);
  const auto outcome = *vm.stop()->outcome();
  if (current_) current_->outcomes[vm.uuid()] = outcome;
  vm.enter(Phase::inactive, std::string(to_text(outcome)) + ", and gone: it was transient", terms(vm).cause(), now);
  return true;
}

void StopRun::on_progress(Vm& vm, const std::string& progress, Moment now) {
  if (vm.is_stopping()) vm.stop()->on_progress(vm, progress, terms(vm), now);
}

void StopRun::on_qemu_ended(Vm& vm) {
  if (under_way() && vm.is_stopping()) vm.stop()->end(vm, StopOutcome::terminated);
}

/// libvirt is what stops VMs: one that does not answer is replaced while there is time.
void StopRun::check_libvirt_answers(Moment now) {
  auto &connected_by = current_->connected_by, &away_since = current_->away_since;
  if (context_.connected)
    away_since.reset();
  else if (!away_since)
    away_since = now.steady;
  current_->libvirt_given_up = away_since && now.steady >= *away_since + kLibvirtGivenUp;
  if (!context_.connected && !connected_by) connected_by = now.steady + kReconnectTime;  // a new instance
  std::string reason;
  if (!context_.connected && now.steady >= *connected_by) reason = "libvirt could not be reached";
  if (context_.connected && std::ranges::any_of(vms_.attended(), [&](const Vm& vm) {
        return vm.stop() && vm.stop()->is_unanswered(now.steady);
      }))
    reason = "libvirt does not answer";
  if (reason.empty()) return;
  context_.outbox.put(ReplaceLibvirt{reason + " while VMs are being stopped"});
  connected_by = now.steady + kReconnectTime;
  for (Vm& vm : vms_.attended())
    if (vm.stop()) vm.stop()->forgive_unanswered();
}

void StopRun::terminate_the_rest(Moment now) {
  const bool last_call_is_over = now.steady >= last_call();
  if (!last_call_is_over && !current_->libvirt_given_up) return;
  for (Vm& vm : vms_.attended()) {
    const bool shuts_down = vm.run() && vm.run()->was_told_to_shut_down();
    if (vm.stop() && vm.stop()->is_to_terminate(vm) && (last_call_is_over || !shuts_down))
      vm.stop()->terminate(vm, *this, now);
  }
}

void StopRun::end(Moment now) {
  std::vector<std::string> left;
  for (Vm& vm : vms_.attended()) {
    if (!vm.stop()) continue;
    if (vm.is_stopping()) vm.stop()->end(vm, StopOutcome::not_in_time);
    if (vm.domain().active() && !vm.stop()->terminated() && !vm.stop()->leaves())
      left.push_back(in_quotes(vm.name()) + " (" + vm.status().reason + ")");
  }
  look_at_ends();
  std::map<std::string_view, std::uint32_t> counts;
  for (const auto& [uuid, outcome] : current_->outcomes) ++counts[to_text(outcome)];
  std::vector<std::string> outcomes;
  outcomes.reserve(counts.size());
  for (const auto& [outcome, count] : counts) outcomes.push_back(std::to_string(count) + " " + std::string(outcome));
  context_.outbox.put(JournalEntry{
      Incident::stopped,
      {},
      {},
      "Stopping VMs " + reason_text(cause()) + " has ended" + (outcomes.empty() ? "" : ": " + list_text(outcomes))});
  Result<void> result;
  if (!left.empty()) result = Error{ErrorCode::operation_failed, "these VMs still run: " + list_text(left)};
  context_.answers.close(StopEnds{}, result);
  current_->over = true;
  plan_.clear();
  if (ends_session()) return;
  current_.reset();
  for (Vm& vm : vms_.attended()) {
    if (!vm.stop()) continue;
    vm.set_stop({});
    if (context_.connected && !context_.calls.lifecycle(vm.uuid()))
      settle(vm, vm.domain().state != DomainState::running, now);
  }
}

std::optional<SteadyTime> StopRun::wake() const {
  if (session_over()) return std::nullopt;
  auto first = deadline().value_or(SteadyTime::max());
  if (ends_session() && !context_.connected) first = std::min(first, current_->connected_by.value_or(current_->begun));
  if (ends_session() && !context_.connected && current_->away_since && !current_->libvirt_given_up)
    first = std::min(first, *current_->away_since + kLibvirtGivenUp);
  for (const Vm& vm : vms_.attended()) {
    if (!vm.is_stopping() || vm.stop()->terminated()) continue;
    if (ends_session() && vm.stop()->is_to_terminate(vm)) first = std::min(first, last_call());
    if (context_.connected) first = std::min(first, vm.stop()->wake(ends_session()).value_or(first));
  }
  return first == SteadyTime::max() ? std::nullopt : std::optional(first);
}

}  // namespace virtsession
