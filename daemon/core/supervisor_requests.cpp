// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

#include <algorithm>

// What people ask for, and how libvirt's answers come back to them. Every request is answered exactly once.

namespace virtsession {
namespace {

constexpr Duration kShutdownWait = std::chrono::seconds(60);

OperationKind operation_of(RequestKind kind) {
  switch (kind) {
    case RequestKind::start:
      return OperationKind::start;
    case RequestKind::shutdown:
      return OperationKind::shutdown;
    case RequestKind::save:
      return OperationKind::save;
    case RequestKind::power_off:
      return OperationKind::power_off;
    case RequestKind::reboot:
      return OperationKind::reboot;
    case RequestKind::pause:
      return OperationKind::pause;
    case RequestKind::resume:
      return OperationKind::resume;
    case RequestKind::set_autostart:
      return OperationKind::set_autostart;
    case RequestKind::set_autostart_once:
      return OperationKind::set_autostart_once;
    case RequestKind::set_policy:
    case RequestKind::clear_policy:
    case RequestKind::reset_failed:
      break;
  }
  return OperationKind::set_policy;
}

bool is_lifecycle(RequestKind kind) {
  switch (kind) {
    case RequestKind::start:
    case RequestKind::shutdown:
    case RequestKind::save:
    case RequestKind::power_off:
    case RequestKind::reboot:
    case RequestKind::pause:
    case RequestKind::resume:
      return true;
    case RequestKind::set_autostart:
    case RequestKind::set_autostart_once:
    case RequestKind::set_policy:
    case RequestKind::clear_policy:
    case RequestKind::reset_failed:
      break;
  }
  return false;
}

/// A VM that is being stopped does not get ready any more; who waits for it goes on.
void forgo_readiness(VmRecord& record) {
  record.never_ready |= record.ready_wait.has_value();
  record.ready_wait.reset();
}

std::string quoted(const VmRecord& record) { return "VM \"" + record.domain.name + "\""; }

}  // namespace

Result<void> Supervisor::check(const VmRequest& request) const {
  const auto* record = find(request.uuid);
  if (!record) return Error{ErrorCode::no_such_vm, "no VM has the uuid \"" + request.uuid + "\""};
  if (request.kind == RequestKind::reset_failed) return {};
  if (request.kind == RequestKind::start && stop_run_)
    return Error{ErrorCode::shutting_down, "all VMs are being stopped because of " + stop_run_->cause};
  if (!connected_) return Error{ErrorCode::libvirt_unavailable, "there is no connection to libvirt"};
  const bool is_flag = request.kind == RequestKind::set_autostart || request.kind == RequestKind::set_autostart_once;
  const bool is_policy = request.kind == RequestKind::set_policy || request.kind == RequestKind::clear_policy;
  if ((is_flag || is_policy) && !record->domain.persistent)
    return Error{ErrorCode::not_supported, quoted(*record) + " is transient: nothing of it outlives its run"};
  if (request.kind == RequestKind::set_autostart_once && !record->domain.autostart_once)
    return Error{ErrorCode::not_supported, "autostart for once needs libvirt 11.2 or later"};
  if (is_policy)
    if (const auto text = merged_policy(*record, request); !text) return text.error();
  return {};
}

void Supervisor::on_request(RequestId id, const VmRequest& request, Moment now) {
  if (const auto checked = check(request); !checked) return answer(id, checked);
  auto& record = *find(request.uuid);
  const auto* under_way = is_lifecycle(request.kind) ? find(request.uuid)->lifecycle_call() : nullptr;
  if (under_way && under_way->operation.kind != operation_of(request.kind))
    return answer(id, Error{ErrorCode::busy, quoted(record) + " is busy: libvirt is still asked to " +
                                                 std::string(to_text(under_way->operation.kind)) + " it"});
  switch (request.kind) {
    case RequestKind::start:
      request_start(record, id, request, now);
      break;
    case RequestKind::shutdown:
    case RequestKind::power_off:
      request_stop(record, id, request, now);
      break;
    case RequestKind::save:
      request_save(record, id, request, now);
      break;
    case RequestKind::reboot:
    case RequestKind::pause:
    case RequestKind::resume:
    case RequestKind::set_autostart:
    case RequestKind::set_autostart_once:
      request_plain(record, id, request);
      break;
    case RequestKind::set_policy:
    case RequestKind::clear_policy:
      request_policy(record, id, request);
      break;
    case RequestKind::reset_failed:
      reset_failed(record, request.caller, now);
      answer(id, {});
      break;
  }
  advance(now);
}

void Supervisor::request_start(Record& record, RequestId id, const VmRequest& request, Moment now) {
  if (record.domain.active() && record.stop_wait)
    return answer(id, Error{ErrorCode::busy, quoted(record) + " is busy: it was asked to shut down and still runs"});
  record.intent = Intent::up;
  if (record.domain.active()) return answer(id, {});
  record.restart_count = 0;
  if (auto* under_way = record.lifecycle_call()) {
    if (request.wait) under_way->requests.push_back(id);
    if (!request.wait) answer(id, {});
    return;
  }
  record.restarts.reset();
  if (record.task) record.task->stage = StartStage::starting;
  Operation operation{.uuid = record.domain.uuid, .kind = OperationKind::start};
  operation.paused = request.paused;
  operation.force_boot = request.force_boot;
  operation.bypass_cache = request.bypass_cache;
  call(record, std::move(operation), request.caller, request.wait ? std::vector{id} : std::vector<RequestId>{});
  set_phase(record, Phase::starting, "because of " + request.caller, request.caller, now);
  if (!request.wait) answer(id, {});
}

void Supervisor::request_stop(Record& record, RequestId id, const VmRequest& request, Moment now) {
  record.intent = Intent::down;
  if (!record.domain.active()) {
    if (record.task) cancel_task(record, "stopped by " + request.caller, request.caller, now);
    return answer(id, {});
  }
  record.stop_cause = request.caller;
  forgo_readiness(record);
  Operation operation{.uuid = record.domain.uuid, .kind = operation_of(request.kind)};
  operation.graceful = request.graceful;
  std::vector<RequestId> waits_for_call{id};
  if (request.kind == RequestKind::shutdown) {
    if (!record.stop_wait) record.stop_wait = StopWait{};
    const auto deadline = now.steady + (request.timeout ? Duration(*request.timeout) : kShutdownWait);
    record.stop_wait->deadline = std::max(record.stop_wait->deadline, deadline);
    if (request.wait) record.stop_wait->waiters.push_back({id, deadline});
    if (request.wait) waits_for_call.clear();
  }
  call(record, std::move(operation), request.caller, std::move(waits_for_call));
  set_phase(record, Phase::stopping,
            "asked to " + std::string(to_text(operation_of(request.kind))) + " by " + request.caller, request.caller,
            now);
}

void Supervisor::request_save(Record& record, RequestId id, const VmRequest& request, Moment now) {
  if (!record.domain.active()) {
    if (record.domain.managed_save) return answer(id, {});
    return answer(id, Error{ErrorCode::operation_failed, quoted(record) + " does not run: there is nothing to save"});
  }
  if (auto* under_way = record.lifecycle_call()) return under_way->requests.push_back(id);
  record.intent = Intent::down;
  Operation operation{.uuid = record.domain.uuid, .kind = OperationKind::save};
  operation.bypass_cache = request.bypass_cache;
  record.stop_cause = request.caller;
  forgo_readiness(record);
  const auto saving = call(record, std::move(operation), request.caller, {id});
  record.calls.at(saving).look_again = now.steady + kProgressInterval;
  tell_save(record, {}, now);
}

/// Of a save that somebody asked for, while it is under way.
void Supervisor::tell_save(Record& record, const std::string& progress, Moment now) {
  for (const auto& [id, call] : record.calls)
    if (call.look_again)
      set_phase(record, Phase::saving, "being saved" + progress + " for " + call.cause, call.cause, now);
}

void Supervisor::look_at_save(Record& record, Moment now) {
  for (auto& [id, saving] : record.calls) {
    if (!saving.look_again || now.steady < *saving.look_again) continue;
    saving.look_again = now.steady + kProgressInterval;
    if (record.has_call(OperationKind::job_progress)) return;
    call(record, {.uuid = record.domain.uuid, .kind = OperationKind::job_progress}, saving.cause, {});
    return;
  }
}

void Supervisor::request_plain(Record& record, RequestId id, const VmRequest& request) {
  Operation operation{.uuid = record.domain.uuid, .kind = operation_of(request.kind)};
  operation.enable = request.enable;
  call(record, std::move(operation), request.caller, {id});
}

void Supervisor::reset_failed(Record& record, const std::string& cause, Moment now) {
  record.restarts.reset();
  record.restart_count = 0;
  record.last_error.clear();
  actions_.push_back(WithdrawNotice{Incident::gave_up, record.domain.uuid});
  const bool waits_for_retry = record.task && record.task->stage == StartStage::backoff;
  if (waits_for_retry) record.task.reset();
  if (waits_for_retry || record.phase == Phase::gave_up)
    set_phase(record, Phase::inactive, "its failure was reset by " + cause, cause, now);
}

OperationId Supervisor::call(Record& record, Operation operation, std::string cause, std::vector<RequestId> requests) {
  const auto id = operation.id = next_operation_++;
  operations_[id] = record.domain.uuid;
  actions_.push_back(RunOperation{operation});
  record.calls.emplace(id, PendingCall{std::move(operation), std::move(cause), std::move(requests)});
  return id;
}

void Supervisor::on_operation_done(OperationId id, const Result<void>& result, Moment now) {
  const auto operation = operations_.find(id);
  if (operation == operations_.end()) return;  // of a connection that is gone: its requests were answered then
  auto& record = *find(operation->second);
  operations_.erase(operation);
  auto call = std::move(record.calls.at(id));
  record.calls.erase(id);
  if (record.stop_task && record.stop_task->unanswered.contains(id)) {
    stop_call_done(record, call, result, now);
    answer_all(call.requests, result);
    return advance(now);
  }
  if (record.asleep && record.asleep->call == id) {
    sleep_call_done(record, result, now);
    answer_all(call.requests, result);
    return advance(now);
  }
  // Another client may have been faster, and the VM is as it was wanted.
  const auto kind = call.operation.kind;
  const bool stops = kind == OperationKind::shutdown || kind == OperationKind::power_off;
  const bool is_so_anyway = record.domain.active() ? kind == OperationKind::start : stops;
  if (result || is_so_anyway)
    call_succeeded(record, call, now);
  else
    call_failed(record, call, result.error(), now);
  answer_all(call.requests, is_so_anyway ? Result<void>() : result);
  advance(now);
}

void Supervisor::call_failed(Record& record, const PendingCall& call, const Error& error, Moment now) {
  const auto kind = call.operation.kind;
  if (kind == OperationKind::abort_job || kind == OperationKind::job_progress) return;  // of a job that has ended
  if (kind == OperationKind::set_time)  // the guest's agent may be old; the VM runs all the same
    return journal(Incident::phase, record, "its clock could not be set: " + error.message);
  record.last_error = "failed to " + std::string(to_text(kind)) + ": " + error.message;
  if (kind == OperationKind::start) return start_failed(record, error, now);
  if (kind == OperationKind::set_policy) read_policy(record);
  if (kind == OperationKind::shutdown) end_stop_wait(record, error);
  if (stop_task_of(record.domain.uuid)) return;  // it is stopped in other ways
  record.stop_cause.clear();
  const bool stops = kind == OperationKind::shutdown || kind == OperationKind::save || kind == OperationKind::power_off;
  if (stops && record.domain.active()) {
    record.intent = Intent::up;
    set_phase(record, Phase::running, record.last_error, call.cause, now);
  }
}

void Supervisor::call_succeeded(Record& record, const PendingCall& call, Moment now) {
  switch (call.operation.kind) {
    case OperationKind::start:
      // The state after the call came before its answer. Off all the while: it ended before libvirt was asked about it.
      if (record.domain.active() || record.phase != Phase::starting) return;
      started(record, call.cause, now);
      return stopped(record, now);
    case OperationKind::save:
    case OperationKind::power_off:
    case OperationKind::pause:
    case OperationKind::resume:
    case OperationKind::reboot:
      // What a start has to tell is told when the VM was seen to run.
      if (record.domain.active() && (call.operation.kind != OperationKind::start || record.phase == Phase::starting))
        settle_active(record, call.cause, now);
      break;
    case OperationKind::shutdown:
      if (!record.stop_wait) settle(record, false, now);  // asked for all VMs together, which has ended
      break;
    case OperationKind::set_autostart:
    case OperationKind::set_autostart_once:
    case OperationKind::set_policy:
      break;
    case OperationKind::abort_job:
    case OperationKind::job_progress:
    case OperationKind::set_time:
      return;
  }
  if (record.phase != Phase::gave_up && record.phase != Phase::backoff) record.last_error.clear();
}

void Supervisor::answer(RequestId id, Result<void> result) { actions_.push_back(Answer{id, std::move(result)}); }

void Supervisor::answer_all(std::vector<RequestId>& requests, const Result<void>& result) {
  for (const auto id : std::exchange(requests, {})) answer(id, result);
}

void Supervisor::end_stop_wait(Record& record, const Result<void>& result) {
  if (!record.stop_wait) return;
  for (const auto& waiter : record.stop_wait->waiters) answer(waiter.request, result);
  record.stop_wait.reset();
}

}  // namespace virtsession
