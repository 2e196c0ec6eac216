// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "core/supervisor.hpp"

#include <algorithm>

// All VMs are stopped: at the end of the session, before its deadline, or because somebody wants it.

namespace virtsession {
namespace {

using Stage = StopTask::Stage;

std::string seconds_text(Duration duration) {
  return std::to_string(std::chrono::round<std::chrono::seconds>(duration).count()) + " s";
}

/// How a VM that is off now ended.
std::string outcome_text(StopReason reason) {
  switch (reason) {
    case StopReason::shutdown:
      return "shut down";
    case StopReason::saved:
      return "saved";
    case StopReason::destroyed:
      return "powered off";
    case StopReason::none:
    case StopReason::unknown:
    case StopReason::crashed:
    case StopReason::migrated:
    case StopReason::failed:
    case StopReason::from_snapshot:
    case StopReason::daemon:
      break;
  }
  return "ended in another way";
}

}  // namespace

void Supervisor::on_stop_all(RequestId request, bool wait, const std::string& cause, std::optional<SteadyTime> deadline,
                             Moment now) {
  if (session_over()) return answer(request, Error{ErrorCode::shutting_down, "the session has ended"});
  if (!connected_) return answer(request, Error{ErrorCode::libvirt_unavailable, "there is no connection to libvirt"});
  if (!stop_run_)
    begin_stop({.cause = cause, .deadline = deadline}, now);
  else if (deadline && !stop_run_->ends_session && (!stop_run_->deadline || *deadline < *stop_run_->deadline))
    cut_to_deadline(*deadline, now);
  if (wait)
    stop_run_->requests.push_back(request);
  else
    answer(request, {});
  advance(now);
}

void Supervisor::on_session_end(SteadyTime deadline, Moment now) {
  if (stop_run_ && stop_run_->ends_session) return;
  StopRun run{.cause = kSessionEnd, .ends_session = true, .deadline = deadline};
  for (const auto& [uuid, record] : vms_)
    if (record.intent == Intent::up && record.domain.persistent && !stop_task_of(uuid)) run.up.insert(uuid);
  if (!autostart_begun_) run.up = was_running_;
  if (stop_run_) {
    run.requests = std::move(stop_run_->requests);
    run.hurried = stop_run_->hurried;
    for (auto& [uuid, record] : vms_)  // what was left running has to end now
      if (record.stop_task && record.stop_task->stage == Stage::ended) record.stop_task.reset();
  }
  begin_stop(std::move(run), now);
  cut_to_deadline(deadline, now);
  advance(now);
}

void Supervisor::begin_stop(StopRun run, Moment now) {
  run.begun = now.steady;
  run.connected_by = now.steady + kReconnectTime;
  stop_run_ = std::move(run);
  const Error ends{ErrorCode::shutting_down, "all VMs are being stopped because of " + stop_run_->cause};
  answer_all(autostart_requests_, ends);
  for (auto& [uuid, record] : vms_) {
    drop_start(record, now);
    const bool saved = record.asleep && record.asleep->action == SleepAction::save;
    if (!saved || stop_run_->ends_session) continue;
    record.asleep.reset();  // it does not go on when the host wakes up
    if (!record.domain.active()) record.intent = Intent::down;
    changed_.insert(uuid);
  }
  add_stop_tasks();
  const auto count = std::ranges::count_if(vms_, [&](const auto& vm) { return stop_task_of(vm.first) != nullptr; });
  auto text = "Stopping " + std::to_string(count) + (count == 1 ? " VM" : " VMs") + " because of " + stop_run_->cause;
  if (stop_run_->deadline) text += ", within " + seconds_text(*stop_run_->deadline - now.steady);
  actions_.push_back(JournalEntry{Incident::stopping, {}, {}, text});
}

/// What is under way was given its time without this deadline.
void Supervisor::cut_to_deadline(SteadyTime deadline, Moment now) {
  stop_run_->deadline = deadline;
  rebuild_stop_plan();
  const auto cut = fit(now.steady, true);
  for (auto& [uuid, record] : vms_) {
    if (!stop_task_of(uuid) || record.stop_task->stage == Stage::queued || record.stop_task->aborted) continue;
    auto& task = *record.stop_task;
    const bool waits = task.stage == Stage::waits;
    task.expected = std::min(task.expected, now.steady + cut.of(time_of_action(record)));
    const auto end = waits             ? now.steady + cut.of(time_of_actions(record))
                     : is_forced(task) ? last_call()
                                       : task.expected;
    task.until = std::min(task.until, end);
    task.look_again = std::min(task.look_again, task.until);
  }
}

/// What was to be started is not any more; a call that is under way ends first.
void Supervisor::drop_start(Record& record, Moment now) {
  if (!record.task || record.task->stage == StartStage::starting) return;
  record.task.reset();
  if (!stop_run_->ends_session) record.intent = Intent::down;
  changed_.insert(record.domain.uuid);
  if (!record.domain.active())
    set_phase(record, Phase::inactive, "not started: " + stop_run_->cause, stop_run_->cause, now);
}

bool Supervisor::is_to_be_stopped(const Record& record) const {
  if (!record.domain.persistent) return false;
  if (record.domain.active()) return true;
  return std::ranges::any_of(record.calls,
                             [](const auto& call) { return call.second.operation.kind == OperationKind::start; });
}

void Supervisor::add_stop_tasks() {
  for (auto& [uuid, record] : vms_) {
    if (record.stop_task || !is_to_be_stopped(record)) continue;
    record.stop_task = StopTask{.actions = possible_actions(record, nullptr)};
    changed_.insert(uuid);
  }
  rebuild_stop_plan();
}

std::vector<StopAction> Supervisor::possible_actions(const Record& record, std::string* left_out) const {
  const auto& domain = record.domain;
  const bool frozen = domain.state == DomainState::crashed || domain.state == DomainState::pm_suspended;
  std::vector<StopAction> possible;
  const auto leave_out = [&](StopAction action, const std::string& why) {
    if (left_out) *left_out += "; not " + std::string(to_text(action)) + ": " + why;
  };
  for (const auto action : record.policy.stop_actions) {
    if (action == StopAction::shutdown && domain.restarts_on_poweroff)
      leave_out(action, "it would start again (on_poweroff is restart)");
    else if (action == StopAction::shutdown && frozen)
      leave_out(action, "the guest does not run (" + std::string(to_text(domain.state)) + ")");
    else if (action == StopAction::save && !domain.save_blocker.empty())
      leave_out(action, domain.save_blocker);
    else
      possible.push_back(action);
    if (action == StopAction::leave) break;
  }
  return possible;
}

StopNode Supervisor::stop_node(const Record& record, std::vector<StopAction> actions) {
  const auto& policy = record.policy;
  return {record.domain.uuid, record.domain.name, policy.stop_order,       policy.start_order,
          policy.start_after, std::move(actions), policy.stop_timeout_sec, record.domain.memory_kib};
}

/// With those that are off by now: who is left keeps the place that it has in the whole.
void Supervisor::rebuild_stop_plan() {
  std::vector<StopNode> nodes;
  for (const auto& [uuid, record] : vms_)
    if (record.stop_task) nodes.push_back(stop_node(record, record.stop_task->actions));
  stop_plan_.clear();
  for (auto& planned : plan_stops(nodes)) stop_plan_.emplace(planned.uuid, std::move(planned));
}

void Supervisor::advance_stop(Moment now) {
  if (stop_run_->over) return;
  if (connected_)
    for (auto& [uuid, record] : vms_) drop_start(record, now);
  if (stop_run_->ends_session) {
    if (connected_) add_stop_tasks();  // also what another client started meanwhile
    check_libvirt_answers(now);
    terminate_the_rest(now);
  }
  for (bool progress = connected_; progress;) {
    progress = false;
    rebuild_stop_plan();
    for (auto& [uuid, record] : vms_) progress |= advance_stop_of(record, now);
  }
  const bool past_deadline = stop_run_->deadline && now.steady >= *stop_run_->deadline;
  const bool unknown = !connected_ && std::ranges::any_of(restored_vms_, [](const auto& kept) {
    return kept.is_object() && kept.value("id", nlohmann::json()).is_number_integer() && kept["id"] >= 0;
  });
  const bool done =
      !unknown && std::ranges::none_of(vms_, [&](const auto& vm) { return stop_task_of(vm.first) != nullptr; });
  if (done || past_deadline) end_stop_run(now);
}

/// \return whether others may go on because of it
bool Supervisor::advance_stop_of(Record& record, Moment now) {
  if (!stop_task_of(record.domain.uuid)) return false;
  auto& task = *record.stop_task;
  task.ran |= record.domain.active();
  if (!is_to_be_stopped(record)) {
    const bool gone = record.domain.active();
    end_stop_task(record, gone ? "undefined" : task.ran ? outcome_text(record.domain.stop_reason) : "not started");
    return true;
  }
  if (task.terminated) return false;
  switch (task.stage) {
    case Stage::queued:
      return pass_stop_queue(record, now);
    case Stage::waits:
      act(record, now);
      if (task.stage != Stage::waits) return true;
      if (now.steady < task.until) return false;
      task.until = SteadyTime::max();
      return task.overdue = true;
    case Stage::acts:
      if (now.steady >= task.until) return time_is_up(record, now);
      if (now.steady >= task.look_again) look_again(record, now);
      return false;
    case Stage::ended:
      break;
  }
  return false;
}

bool Supervisor::pass_stop_queue(Record& record, Moment now) {
  auto& task = *record.stop_task;
  const bool stays = !task.actions.empty() && task.actions.front() == StopAction::leave;  // nobody waits for that
  if (!stays && !may_stop(record)) {
    if (record.domain.active() && !record.stop_wait && !record.lifecycle_call())
      set_phase(record, Phase::stopping, "waits for its turn to be stopped because of " + stop_run_->cause,
                stop_run_->cause, now);
    return false;
  }
  task.actions = possible_actions(record, &task.failed);  // as the VM is now
  if (stop_run_->hurried) hurry(record, now);
  begin_stop_action(record, now);
  return true;
}

/// \return nothing when there is none that has not ended
const StopTask* Supervisor::stop_task_of(const std::string& uuid) const {
  const auto* record = find(uuid);
  return record && record->stop_task && record->stop_task->stage != Stage::ended ? &*record->stop_task : nullptr;
}

bool Supervisor::may_stop(const Record& record) const {
  const auto& planned = stop_plan_.at(record.domain.uuid);
  std::int64_t under_way = 0;
  for (const auto& [uuid, other] : stop_plan_) {
    const auto* task = stop_task_of(uuid);
    if (!task || task->overdue) continue;
    if (other.order < planned.order) return false;
    if (std::ranges::find(planned.before, uuid) != planned.before.end()) return false;
    if (task->stage != Stage::queued) ++under_way;
  }
  return under_way < config_.stop_parallel;
}

/// When what still runs is ended without libvirt, at the end of the session.
SteadyTime Supervisor::last_call() const {
  if (!stop_run_->deadline) return SteadyTime::max();
  return stop_run_->begun + until_last_call(*stop_run_->deadline - stop_run_->begun);
}

/// \param anew what is under way is given its time again
StopFit Supervisor::fit(SteadyTime now, bool anew) const {
  if (!stop_run_->deadline) return {};
  std::map<std::uint32_t, std::vector<StopTime>> left;
  for (const auto& [uuid, planned] : stop_plan_) {
    const auto* task = stop_task_of(uuid);
    if (!task || task->overdue) continue;
    const auto& record = vms_.at(uuid);
    auto sum = time_of_actions(record);
    if (!anew && task->stage == Stage::acts) {
      sum -= time_of_action(record);
      sum.given = std::max(task->expected - now, Duration{});
    }
    left[planned.wave].push_back(sum);
  }
  return fit_stops(left, config_.stop_parallel, last_call() - now);
}

/// Somebody started it while it was being stopped. One that waits is the start that it waited for.
void Supervisor::restart_stop_task(Record& record) {
  const auto stage = record.stop_task->stage;
  if (stage == Stage::queued || stage == Stage::waits) return;
  if (stop_run_ && stop_run_->ends_session)
    record.stop_task.reset();  // it is found to run, and gets another
  else
    record.stop_task->stage = Stage::ended;
}

void Supervisor::on_hurry(Moment now) {
  if (stop_state() == StopState::idle) return;
  stop_run_->hurried = true;
  for (auto& [uuid, record] : vms_)
    if (stop_task_of(uuid) && !record.stop_task->terminated) hurry(record, now);
  advance(now);
}

void Supervisor::end_stop_run(Moment now) {
  std::vector<std::string> left;
  for (auto& [uuid, record] : vms_) {
    if (!record.stop_task) continue;
    if (record.stop_task->stage != Stage::ended) end_stop_task(record, "not stopped in time");
    const auto& actions = record.stop_task->actions;
    const bool by_policy = !actions.empty() && actions.front() == StopAction::leave;
    if (record.domain.active() && !record.stop_task->terminated && !by_policy)
      left.push_back(in_quotes(record.domain.name) + " (" + record.phase_reason + ")");
  }
  std::map<std::string, std::uint32_t> counts;
  for (const auto& [uuid, outcome] : stop_run_->outcomes) ++counts[outcome];
  std::vector<std::string> outcomes;
  for (const auto& [outcome, count] : counts) outcomes.push_back(std::to_string(count) + " " + outcome);
  actions_.push_back(JournalEntry{Incident::stopped,
                                  {},
                                  {},
                                  "Stopping VMs because of " + stop_run_->cause + " has ended" +
                                      (outcomes.empty() ? "" : ": " + list_text(outcomes))});
  Result<void> result;
  if (!left.empty()) result = Error{ErrorCode::operation_failed, "these VMs still run: " + list_text(left)};
  answer_all(stop_run_->requests, result);
  stop_run_->over = true;
  stop_plan_.clear();
  if (stop_run_->ends_session) return;
  stop_run_.reset();
  for (auto& [uuid, record] : vms_) {
    if (!std::exchange(record.stop_task, {})) continue;
    if (connected_ && !record.lifecycle_call()) settle(record, false, now);
  }
}

std::optional<SteadyTime> Supervisor::stop_wake() const {
  if (stop_state() == StopState::idle) return std::nullopt;
  const bool ends_session = stop_run_->ends_session;
  auto first = stop_run_->deadline.value_or(SteadyTime::max());
  if (ends_session && !connected_) first = std::min(first, stop_run_->connected_by.value_or(stop_run_->begun));
  for (const auto& [uuid, record] : vms_) {
    const auto* task = stop_task_of(uuid);
    if (!task || task->terminated) continue;
    if (ends_session && is_to_terminate(record)) first = std::min(first, last_call());
    if (!connected_) continue;
    if (task->stage != Stage::queued) first = std::min(first, task->until);
    if (task->stage == Stage::acts) first = std::min(first, task->look_again);
    if (!ends_session) continue;
    for (const auto& [id, limit] : task->unanswered) first = std::min(first, limit);
  }
  return first == SteadyTime::max() ? std::nullopt : std::optional(first);
}

}  // namespace virtsession
