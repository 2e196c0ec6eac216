// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

#include <algorithm>

// One VM is stopped: its actions, one after the other.

namespace virtsession {
namespace {

using Stage = StopTask::Stage;

/// libvirt answers within milliseconds, unless it hangs; QEMU may need a while to end. For an agent, libvirt waits 5 s
/// until it answers at all, and then 60 s for the guest to be off.
constexpr Duration kQuickAnswer = std::chrono::seconds(5);
constexpr Duration kSlowAnswer = std::chrono::seconds(20);
constexpr Duration kAgentAnswer = std::chrono::seconds(70);
constexpr Duration kAbortTakes = std::chrono::seconds(3);
/// A guest that boots does not see its button, and is not to be bothered all the time.
constexpr Duration kPressMost = std::chrono::seconds(10);
constexpr Duration kPressLeast = std::chrono::seconds(1);

SteadyTime next_press(const StopTask& task, SteadyTime now) { return std::min(task.until, now + task.press_every); }

}  // namespace

/// What is last has all the time there is; but a guest that may ignore its button is given up in time.
bool Supervisor::is_forced(const StopTask& task) {
  return task.actions.size() == 1 && task.actions.front() != StopAction::shutdown;
}

StopTime Supervisor::time_of_action(const Record& record) {
  const auto& actions = record.stop_task->actions;
  return stop_time(actions.front(), actions.size() == 1, record.policy.stop_timeout_sec, record.domain.memory_kib);
}

StopTime Supervisor::time_of_actions(const Record& record) {
  StopTime sum;
  const auto& actions = record.stop_task->actions;
  for (const auto& action : actions)
    sum += stop_time(action, &action == &actions.back(), record.policy.stop_timeout_sec, record.domain.memory_kib);
  return sum;
}

/// Begins the first of the actions that are left.
void Supervisor::begin_stop_action(Record& record, Moment now) {
  auto& task = *record.stop_task;
  task.stage = Stage::waits;
  task.asked_agent = task.asked = task.by_agent = task.aborted = false;
  if (task.actions.empty()) {
    record.last_error = "could not be stopped" + task.failed;
    record.stop_cause.clear();
    set_phase(record, Phase::running, record.last_error, stop_run_->cause, now);
    return end_stop_task(record, "left running");
  }
  task.overdue = false;
  task.until = now.steady + fit(now.steady).of(time_of_actions(record));
  if (connected_) act(record, now);
}

void Supervisor::act(Record& record, Moment now) {
  auto& task = *record.stop_task;
  const auto action = task.actions.front();
  if (action == StopAction::leave) {
    set_phase(record, Phase::running, "left running, as its policy says", stop_run_->cause, now);
    return end_stop_task(record, "left running");
  }
  const auto* call = record.exclusive_call();
  if (call || record.domain.in_job) {
    const auto what = call ? "to " + std::string(to_text(call->operation.kind)) + " it" : record.domain.state_reason;
    return set_phase(record, Phase::stopping, "waits until libvirt has ended its work on it (" + what + ")",
                     stop_run_->cause, now);
  }
  if (task.aborted) return next_stop_action(record, "not in time", now);  // and libvirt was lost since
  task.expected = now.steady + fit(now.steady).of(time_of_action(record));
  task.until = is_forced(task) ? last_call() : task.expected;
  task.press_every = std::clamp((task.until - now.steady) / 4, kPressLeast, kPressMost);
  task.stage = Stage::acts;
  task.overdue = false;
  record.never_ready |= record.ready_wait.has_value();
  record.ready_wait.reset();
  record.stop_cause = stop_run_->cause;
  task.look_again = task.until;
  switch (action) {
    case StopAction::shutdown:
      if (record.domain.state == DomainState::paused)
        call_to_stop(record, {.uuid = record.domain.uuid, .kind = OperationKind::resume}, now);
      else
        press_button(record, now);
      break;
    case StopAction::save:
      task.look_again = now.steady + kProgressInterval;
      call_to_stop(record, {.uuid = record.domain.uuid, .kind = OperationKind::save}, now);
      break;
    case StopAction::poweroff:
      if (!task.failed.empty())
        journal(Incident::forced, record, "is powered off because of " + stop_run_->cause + task.failed);
      call_to_stop(record, {.uuid = record.domain.uuid, .kind = OperationKind::power_off}, now);
      break;
    case StopAction::leave:
      break;
  }
  tell_action(record, {}, now);
}

void Supervisor::tell_action(Record& record, const std::string& progress, Moment now) {
  const auto& task = *record.stop_task;
  auto text = std::string("the guest is asked to shut down by its ") + (task.by_agent ? "agent" : "power button");
  if (task.actions.front() == StopAction::save) text = "is being saved";
  if (task.actions.front() == StopAction::poweroff) text = "is powered off";
  set_phase(record, task.actions.front() == StopAction::save ? Phase::saving : Phase::stopping,
            text + progress + " because of " + stop_run_->cause + task.failed, stop_run_->cause, now);
}

/// Through its agent first, if it has one; an agent that does not help is not asked again.
void Supervisor::press_button(Record& record, Moment now) {
  auto& task = *record.stop_task;
  task.by_agent = record.domain.agent_connected && !std::exchange(task.asked_agent, true);
  task.look_again = next_press(task, now.steady);
  Operation operation{.uuid = record.domain.uuid, .kind = OperationKind::shutdown};
  operation.way = task.by_agent ? ShutdownWay::agent : ShutdownWay::acpi;
  call_to_stop(record, std::move(operation), now);
  tell_action(record, {}, now);
}

void Supervisor::call_to_stop(Record& record, Operation operation, Moment now) {
  auto limit = now.steady + kQuickAnswer;
  if (operation.kind == OperationKind::power_off) limit = now.steady + kSlowAnswer;
  if (operation.way == ShutdownWay::agent) limit = now.steady + kAgentAnswer;
  if (operation.kind == OperationKind::save) limit = SteadyTime::max();
  record.stop_task->unanswered[call(record, std::move(operation), stop_run_->cause, {})] = limit;
}

void Supervisor::look_again(Record& record, Moment now) {
  auto& task = *record.stop_task;
  switch (task.actions.front()) {
    case StopAction::shutdown:
      if (record.exclusive_call())
        task.look_again = task.until;  // its answer brings the next
      else
        press_button(record, now);
      break;
    case StopAction::save:
      task.look_again = std::min(task.until, now.steady + kProgressInterval);
      if (!record.has_call(OperationKind::job_progress))
        call_to_stop(record, {.uuid = record.domain.uuid, .kind = OperationKind::job_progress}, now);
      break;
    case StopAction::poweroff:
    case StopAction::leave:
      task.look_again = task.until;
      break;
  }
}

/// \return whether another action follows
bool Supervisor::time_is_up(Record& record, Moment now) {
  auto& task = *record.stop_task;
  const auto action = task.actions.front();
  if (is_forced(task)) {
    task.until = task.look_again = SteadyTime::max();  // what else could be done?
    return false;
  }
  if (action == StopAction::save && task.stage == Stage::acts && !std::exchange(task.aborted, true)) {
    task.until = task.look_again = task.expected = now.steady + kAbortTakes;
    call_to_stop(record, {.uuid = record.domain.uuid, .kind = OperationKind::abort_job}, now);
    return false;
  }
  next_stop_action(record, "not in time", now);
  return true;
}

void Supervisor::next_stop_action(Record& record, const std::string& why, Moment now) {
  auto& task = *record.stop_task;
  task.failed += "; " + std::string(to_text(task.actions.front())) + ": " + why;
  task.actions.erase(task.actions.begin());
  begin_stop_action(record, now);
}

void Supervisor::end_stop_task(Record& record, const std::string& outcome) {
  record.stop_task->stage = Stage::ended;
  stop_run_->outcomes[record.domain.uuid] = outcome;
  changed_.insert(record.domain.uuid);
}

void Supervisor::stop_call_done(Record& record, const PendingCall& call, const Result<void>& result, Moment now) {
  auto& task = *record.stop_task;
  task.unanswered.erase(call.operation.id);
  if (task.stage != Stage::acts || task.terminated || !record.domain.active()) return;
  const auto action = task.actions.front();
  switch (call.operation.kind) {
    case OperationKind::shutdown:
      if (action == StopAction::shutdown) button_pressed(record, call.operation.way, result, now);
      break;
    case OperationKind::resume:
      if (action != StopAction::shutdown) break;
      if (!result) return next_stop_action(record, result.error().message, now);
      press_button(record, now);
      break;
    case OperationKind::save:
      if (!result) next_stop_action(record, task.aborted ? "not in time" : result.error().message, now);
      break;
    case OperationKind::power_off:
      if (!result) next_stop_action(record, result.error().message, now);
      break;
    case OperationKind::start:
    case OperationKind::reboot:
    case OperationKind::pause:
    case OperationKind::set_autostart:
    case OperationKind::set_autostart_once:
    case OperationKind::set_policy:
    case OperationKind::abort_job:
    case OperationKind::job_progress:
    case OperationKind::set_time:
      break;
  }
}

/// A guest that was asked once may be at it: that it cannot be asked again, or otherwise, is no reason to give it up.
void Supervisor::button_pressed(Record& record, ShutdownWay way, const Result<void>& result, Moment now) {
  auto& task = *record.stop_task;
  task.asked |= static_cast<bool>(result);
  const bool may_obey = task.asked || record.has_call(OperationKind::shutdown);
  if (way == ShutdownWay::agent && !result)
    task.look_again = now.steady;
  else if (!may_obey)
    next_stop_action(record, result.error().message, now);
  else if (task.look_again == task.until)
    task.look_again = next_press(task, now.steady);
}

void Supervisor::on_job_progress(const std::string& uuid, const JobProgress& progress, Moment now) {
  auto* record = find(uuid);
  if (!record || progress.total_bytes == 0) return;
  const auto part = static_cast<double>(progress.processed_bytes) / static_cast<double>(progress.total_bytes);
  const auto text = " (" + std::to_string(static_cast<int>(100 * std::min(part, 1.0))) + " %)";
  const auto* task = stop_task_of(uuid);
  if (!task) return tell_save(*record, text, now);
  if (task->stage != Stage::acts || task->terminated) return;
  if (task->actions.front() == StopAction::save && !task->aborted) tell_action(*record, text, now);
}

/// A guest that was asked to shut down and boots instead will not do better the next time.
void Supervisor::guest_came_back(Record& record, Moment now) {
  if (!record.stop_task || record.stop_task->stage != Stage::acts || record.stop_task->terminated) return;
  if (record.stop_task->actions.front() == StopAction::shutdown)
    next_stop_action(record, "the guest started again instead", now);
}

/// What comes before its last action is left out; a save that is under way is aborted first.
void Supervisor::hurry(Record& record, Moment now) {
  auto& task = *record.stop_task;
  if (task.actions.size() < 2) return;
  const bool saves = task.stage == Stage::acts && task.actions.front() == StopAction::save;
  task.actions.erase(task.actions.begin() + (saves ? 1 : 0), task.actions.end() - 1);
  task.failed += "; somebody did not want to wait";
  if (saves)
    task.until = task.aborted ? task.until : now.steady;
  else if (task.stage != Stage::queued)
    begin_stop_action(record, now);
}

}  // namespace virtsession
