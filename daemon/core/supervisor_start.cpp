// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "core/supervisor.hpp"

#include <algorithm>
#include <limits>

// Starts by policy: the run of autostart, retries, restarts, readiness.

namespace virtsession {
namespace {

constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLastRetry = std::chrono::seconds(60);

}  // namespace

bool Supervisor::wants_start(const Record& record) const {
  const auto& domain = record.domain;
  if (!domain.persistent || domain.active()) return false;
  switch (record.policy.start) {
    case StartWhen::never:
      return false;
    case StartWhen::was_running:
      if (was_running_.contains(domain.uuid)) return true;
      break;
    case StartWhen::flag:
      break;
  }
  return domain.autostart || domain.autostart_once.value_or(false);
}

/// Whether the start that the VM is owed is still to be made, as its flag and policy are now.
bool Supervisor::is_still_owed(const Record& record) const {
  if (!record.task->ordered) return true;
  return record.policy.start != StartWhen::never && (record.domain.autostart || !record.task->marked);
}

void Supervisor::begin_autostart(const std::string& cause, Moment now) {
  for (auto& [uuid, record] : vms_) {
    if (!wants_start(record) || record.task || record.lifecycle_call()) continue;
    record.task = StartTask{.cause = cause, .marked = record.domain.autostart};
    record.intent = Intent::up;
    set_phase(record, Phase::queued, "waits for its turn", cause, now);
    // libvirt's flag for one start is used up by that start, as when libvirt itself starts the VM.
    if (record.domain.autostart_once.value_or(false))
      call(record, Operation{.uuid = uuid, .kind = OperationKind::set_autostart_once, .enable = false}, cause, {});
  }
}

void Supervisor::on_autostart_request(RequestId request, bool wait, const std::string& cause, Moment now) {
  if (stop_run_)
    return answer(request, Error{ErrorCode::shutting_down, "all VMs are being stopped because of " + stop_run_->cause});
  if (!connected_) return answer(request, Error{ErrorCode::libvirt_unavailable, "there is no connection to libvirt"});
  for (auto& [uuid, record] : vms_)
    if (record.phase == Phase::gave_up && wants_start(record)) reset_failed(record, cause, now);
  begin_autostart(cause, now);
  if (wait)
    autostart_requests_.push_back(request);
  else
    answer(request, {});
  advance(now);
}

void Supervisor::on_facts(const HostFacts& facts, Moment now) {
  facts_ = facts;
  advance(now);
}

void Supervisor::on_tick(Moment now) {
  for (auto& [uuid, record] : vms_) {
    look_at_save(record, now);
    if (!record.stop_wait) continue;
    const auto text = in_quotes(record.domain.name) + " did not shut down in the time it was given";
    const Error timed_out{ErrorCode::timed_out, text};
    std::erase_if(record.stop_wait->waiters, [&](const auto& waiter) {
      if (now.steady < waiter.deadline) return false;
      answer(waiter.request, timed_out);
      return true;
    });
    if (now.steady < record.stop_wait->deadline) continue;
    record.stop_wait.reset();
    if (stop_task_of(uuid)) continue;
    record.stop_cause.clear();
    record.last_error = text;
    record.intent = Intent::up;
    changed_.insert(uuid);
    set_phase(record, Phase::running, text, "policy", now);
  }
  advance(now);
}

std::optional<SteadyTime> Supervisor::wake() const {
  auto first = stop_wake();
  const auto consider = [&](SteadyTime when) { first = first ? std::min(*first, when) : when; };
  for (const auto& [uuid, record] : vms_) {
    if (record.stop_wait) {
      consider(record.stop_wait->deadline);
      for (const auto& waiter : record.stop_wait->waiters) consider(waiter.deadline);
    }
    for (const auto& [id, call] : record.calls)
      if (call.look_again) consider(*call.look_again);
    if (!connected_ || stop_run_) continue;
    if (record.task && (record.task->stage == StartStage::delayed || record.task->stage == StartStage::backoff))
      consider(record.task->until);
    if (record.ready_wait) consider(ready_check(record));
  }
  return first;
}

WantedFacts Supervisor::wanted_facts() const {
  WantedFacts wanted;
  for (const auto& [uuid, record] : vms_)
    if (record.task && record.task->stage != StartStage::starting) add_wanted(wanted, record.policy);
  return wanted;
}

AutostartState Supervisor::autostart_state() const {
  if (!autostart_begun_) return AutostartState::pending;
  bool incomplete = false;
  for (const auto& [uuid, record] : vms_) {
    const bool in_run = record.task ? record.task->ordered : record.ready_wait && record.ready_wait->ordered;
    const auto planned = plan_.find(uuid);
    if (in_run && (planned == plan_.end() || planned->second.moves)) return AutostartState::running;
    if (record.task || record.phase == Phase::gave_up) incomplete = true;
  }
  return incomplete ? AutostartState::incomplete : AutostartState::done;
}

/// Brings every start as far as it can go now.
void Supervisor::advance(Moment now) {
  if (stop_run_) advance_stop(now);
  if (stop_run_ || !connected_) return;  // nothing is started while VMs are stopped
  advance_sleep(now);
  for (bool progress = true; progress;) {
    progress = false;
    rebuild_plan();
    find_holders();
    for (const auto& uuid : plan_order_) progress |= advance_vm(vms_.at(uuid), now);
  }
  answer_settled();
}

bool Supervisor::advance_vm(Record& record, Moment now) {
  if (record.ready_wait) return check_ready(record, now);
  if (!record.task) return false;
  auto& task = *record.task;
  if (task.stage != StartStage::starting && !is_still_owed(record)) {
    cancel_task(record, "it is not marked to start any more", "policy", now);
    return true;
  }
  switch (task.stage) {
    case StartStage::queued:
      return pass_queue(record, now);
    case StartStage::delayed:
    case StartStage::backoff:
      if (now.steady < task.until) return false;
      pass_conditions(record, now);
      return true;
    case StartStage::conditions:
    case StartStage::slot:
      return pass_conditions(record, now);
    case StartStage::starting:
      break;
  }
  return false;
}

bool Supervisor::pass_queue(Record& record, Moment now) {
  const auto& planned = plan_.at(record.domain.uuid);
  auto& task = *record.task;
  if (planned.order > lowest_holding_order_) {
    set_phase(record, Phase::queued, "waits for VMs of order " + std::to_string(lowest_holding_order_), task.cause,
              now);
    return false;
  }
  if (!planned.after.empty()) {
    std::vector<std::string> names;
    for (const auto& uuid : planned.after) names.push_back(in_quotes(vms_.at(uuid).domain.name));
    set_phase(record, Phase::waiting, "waits for " + list_text(names) + " to be ready", task.cause, now);
    return false;
  }
  if (record.policy.start_delay_sec > 0 && !task.delay_over) {
    task.stage = StartStage::delayed;
    task.delay_over = true;
    task.until = now.steady + from_seconds(record.policy.start_delay_sec);
    set_phase(record, Phase::waiting, "waits " + nlohmann::json(record.policy.start_delay_sec).dump() + " s",
              task.cause, now);
  } else {
    pass_conditions(record, now);
  }
  return true;
}

bool Supervisor::pass_conditions(Record& record, Moment now) {
  auto& task = *record.task;
  const auto before = task.stage;
  if (task.ordered &&
      !plan_.at(record.domain.uuid).after.empty()) {  // what was ready when its turn came is not any more
    task.stage = StartStage::queued;
    return true;
  }
  const auto unmet = unmet_conditions(record.policy, facts_, reserved_memory_mib(&record));
  if (!unmet.empty()) {
    task.stage = StartStage::conditions;
    set_phase(record, Phase::waiting, "waits for " + list_text(unmet), task.cause, now);
    return before != task.stage;
  }
  task.stage = StartStage::slot;
  if (starts_in_flight() >= static_cast<std::size_t>(config_.parallel)) {
    set_phase(record, Phase::queued, "waits until fewer VMs are starting", task.cause, now);
    return before != task.stage;
  }
  start_now(record, now);
  return true;
}

void Supervisor::start_now(Record& record, Moment now) {
  record.task->stage = StartStage::starting;
  set_phase(record, Phase::starting, "because of " + record.task->cause + missing_dependencies(record),
            record.task->cause, now);
  call(record, Operation{.uuid = record.domain.uuid, .kind = OperationKind::start}, record.task->cause, {});
}

void Supervisor::start_failed(Record& record, const Error& error, Moment now) {
  auto text = "failed to start: " + error.message;
  if (record.domain.managed_save && error.code != ErrorCode::libvirt_unavailable)
    text += " (its saved state is kept; a start with force_boot drops it and boots anew)";
  if (stop_run_ && record.task) {  // it is not tried again
    record.task->stage = StartStage::slot;
    drop_start(record, now);
  }
  if (record.task && error.code == ErrorCode::libvirt_unavailable) {  // that is no failure of the VM
    record.task->until = now.steady + kFirstRetry;
    record.task->stage = StartStage::backoff;
    return set_phase(record, Phase::backoff, text, record.task->cause, now);
  }
  journal(Incident::start_failed, record, text);
  if (!record.task) return set_phase(record, Phase::inactive, text, "libvirt", now);
  auto& task = *record.task;
  if (task.attempt >= static_cast<std::uint64_t>(record.policy.start_retries))
    return give_up(record, text, task.cause, now);
  task.until = now.steady + backoff_.wait(task.attempt++, kFirstRetry, kLastRetry);
  task.stage = StartStage::backoff;
  set_phase(record, Phase::backoff,
            text + "; try " + std::to_string(task.attempt) + " of " + std::to_string(record.policy.start_retries) +
                " follows",
            task.cause, now);
}

void Supervisor::give_up(Record& record, const std::string& reason, const std::string& cause, Moment now) {
  set_phase(record, Phase::gave_up, reason, cause, now, true);
  record.task.reset();  // not before: the cause may be the task's own
  journal(Incident::gave_up, record, "gave up: " + reason);
  notify(Incident::gave_up, record, reason);
}

void Supervisor::cancel_task(Record& record, const std::string& reason, const std::string& cause, Moment now) {
  record.intent = Intent::down;
  set_phase(record, Phase::inactive, "not started: " + reason, cause, now);
  record.task.reset();  // not before: the cause may be the task's own
}

/// Memory that VMs which were just started have not taken yet.
std::uint64_t Supervisor::reserved_memory_mib(const Record* except) const {
  std::uint64_t kib = 0;
  for (const auto& [uuid, record] : vms_)
    if (&record != except && (record.phase == Phase::starting || record.phase == Phase::waiting_ready))
      kib += record.domain.memory_kib;
  return kib / 1024;
}

std::size_t Supervisor::starts_in_flight() const {
  std::size_t count = 0;
  for (const auto& [id, uuid] : operations_) {
    const auto& calls = vms_.at(uuid).calls;
    const auto call = calls.find(id);
    if (call != calls.end() && call->second.operation.kind == OperationKind::start) ++count;
  }
  return count;
}

void Supervisor::answer_settled() {
  const auto state = autostart_state();
  if (autostart_requests_.empty() || state == AutostartState::running) return;
  std::vector<std::string> off;
  for (const auto& [uuid, record] : vms_)
    if (record.task || record.phase == Phase::gave_up)
      off.push_back(in_quotes(record.domain.name) + " (" + record.phase_reason + ")");
  Result<void> result;
  if (!off.empty())
    result = Error{ErrorCode::operation_failed, "the start has ended, and these do not run: " + list_text(off)};
  answer_all(autostart_requests_, result);
}

}  // namespace virtsession
