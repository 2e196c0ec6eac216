// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

#include <algorithm>

namespace virtsession {
namespace {

using nlohmann::json;

/// What a stop without a request of ours looks like from libvirt's reason.
std::string stop_text(StopReason reason) {
  switch (reason) {
    case StopReason::shutdown:
      return "shut down";
    case StopReason::destroyed:
      return "powered off";
    case StopReason::saved:
      return "saved";
    case StopReason::crashed:
      return "crashed";
    case StopReason::failed:
      return "failed";
    case StopReason::migrated:
      return "migrated away";
    case StopReason::from_snapshot:
      return "off after a snapshot was reverted to";
    case StopReason::daemon:
      return "stopped by the libvirt daemon";
    case StopReason::none:
    case StopReason::unknown:
      break;
  }
  return "off";
}

bool is_stop(const PendingCall& call) {
  const auto kind = call.operation.kind;
  return kind == OperationKind::shutdown || kind == OperationKind::save || kind == OperationKind::power_off;
}

bool is_stop_by_somebody(StopReason reason) {
  return reason == StopReason::shutdown || reason == StopReason::destroyed || reason == StopReason::saved;
}

}  // namespace

PendingCall* VmRecord::lifecycle_call() {
  if (auto* call = exclusive_call()) return call;
  const auto found = std::ranges::find_if(calls, [](const auto& entry) { return is_stop(entry.second); });
  return found == calls.end() ? nullptr : &found->second;
}

bool VmRecord::has_call(OperationKind kind) const {
  return std::ranges::any_of(calls, [&](const auto& entry) { return entry.second.operation.kind == kind; });
}

PendingCall* VmRecord::exclusive_call() {
  for (auto& [id, call] : calls) {
    switch (call.operation.kind) {
      case OperationKind::shutdown:
        if (call.operation.way != ShutdownWay::acpi) break;
        return &call;
      case OperationKind::start:
      case OperationKind::save:
      case OperationKind::power_off:
      case OperationKind::reboot:
      case OperationKind::pause:
      case OperationKind::resume:
        return &call;
      case OperationKind::set_autostart:
      case OperationKind::set_autostart_once:
      case OperationKind::set_policy:
      case OperationKind::abort_job:
      case OperationKind::job_progress:
      case OperationKind::set_time:
        break;
    }
  }
  return nullptr;
}

void Supervisor::on_listed(const std::vector<DomainSnapshot>& domains, Moment now) {
  connected_ = true;
  std::set<std::string> seen;
  for (const auto& domain : domains) {
    seen.insert(domain.uuid);
    if (auto* record = find(domain.uuid))
      update(*record, domain, now);
    else
      add(domain, false, now);
  }
  for (const auto& uuid : uuids())
    if (!seen.contains(uuid)) remove(uuid, now);
  restored_vms_ = json::object();  // what is not in the list is gone
  if (!autostart_begun_) {
    autostart_begun_ = true;
    if (config_.autostart && !stop_run_) begin_autostart("login", now);
    was_running_.clear();
  }
  check_dependencies();
  advance(now);
}

void Supervisor::on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain, Moment now) {
  auto* record = find(uuid);
  if (!domain) {
    if (record) remove(uuid, now);
  } else if (record) {
    update(*record, *domain, now);
  } else {
    add(*domain, true, now);
  }
  check_dependencies();
  advance(now);
}

void Supervisor::on_domain_event(const DomainEvent& event, Moment now) {
  auto* record = find(event.uuid);
  if (!record) return;
  switch (event.kind) {
    case DomainEventKind::started:
      record->host_ended_it = false;
      record->panicked = false;
      break;
    case DomainEventKind::shutdown_by_host:
      record->host_ended_it = true;
      break;
    case DomainEventKind::shutdown_by_guest:
      record->host_ended_it = false;
      break;
    case DomainEventKind::panicked:
      record->panicked = true;
      break;
    case DomainEventKind::agent_connected:
      record->domain.agent_connected = true;
      break;
    case DomainEventKind::agent_disconnected:
      record->domain.agent_connected = false;
      break;
    case DomainEventKind::rebooted:
      guest_came_back(*record, now);
      break;
    case DomainEventKind::defined:
    case DomainEventKind::undefined:
    case DomainEventKind::suspended:
    case DomainEventKind::resumed:
    case DomainEventKind::stopped:
    case DomainEventKind::pm_suspended:
    case DomainEventKind::metadata_changed:
      break;  // the snapshot that follows says it all
  }
  advance(now);
}

void Supervisor::on_libvirt_lost(Moment now) {
  connected_ = false;
  if (stop_run_) stop_run_->connected_by = now.steady + kReconnectTime;
  const Error lost{ErrorCode::libvirt_unavailable, "the connection to libvirt was lost"};
  for (auto& [uuid, record] : vms_) {
    changed_.insert(uuid);
    bool shutdown_unsure = false, policy_unsure = false;
    for (auto& [id, call] : record.calls) {
      answer_all(call.requests, lost);
      shutdown_unsure |= call.operation.kind == OperationKind::shutdown;
      policy_unsure |= call.operation.kind == OperationKind::set_policy;
    }
    record.calls.clear();
    // A guest that was asked goes on shutting down; whether this one was asked, nobody knows.
    if (shutdown_unsure) end_stop_wait(record, lost);
    if (policy_unsure) read_policy(record);
    if (record.task && record.task->stage == StartStage::starting) record.task->stage = StartStage::slot;
    if (record.stop_task) {  // what was under way is tried again
      record.stop_task->unanswered.clear();
      if (record.stop_task->stage == StopTask::Stage::acts) record.stop_task->stage = StopTask::Stage::waits;
    }
    if (record.asleep) record.asleep->call.reset();
  }
  operations_.clear();
}

void Supervisor::add(const DomainSnapshot& domain, bool just_now, Moment now) {
  auto& record = vms_[domain.uuid];
  changed_.insert(domain.uuid);
  record.domain = domain;
  dependencies_stale_ = true;
  read_policy(record);
  if (restore(record, now)) return;
  if (domain.active() && just_now) {
    started(record, std::nullopt, now);
  } else if (domain.active()) {
    record.intent = Intent::up;
    settle_active(record, kFirstSeen, now);
  } else {
    set_phase(record, Phase::inactive, stop_text(domain.stop_reason), kFirstSeen, now, true);
  }
}

void Supervisor::remove(const std::string& uuid, Moment now) {
  auto& record = vms_.at(uuid);
  const Error gone{ErrorCode::no_such_vm, "VM \"" + record.domain.name + "\" is gone"};
  for (auto& [id, call] : record.calls) {
    operations_.erase(id);
    // A transient VM goes with its stop.
    answer_all(call.requests, is_stop(call) ? Result<void>() : Result<void>(gone));
  }
  end_stop_wait(record, Result<void>());
  history_.add({now.wall_usec, uuid, record.domain.name, Phase::inactive, "removed from libvirt", kOtherClient});
  for (const auto incident : {Incident::gave_up, Incident::bad_policy})
    actions_.push_back(WithdrawNotice{incident, uuid});
  vms_.erase(uuid);
  changed_.insert(uuid);
  dependencies_stale_ = true;
}

void Supervisor::update(Record& record, const DomainSnapshot& domain, Moment now) {
  const auto before = std::exchange(record.domain, domain);
  if (before.name != domain.name || before.autostart != domain.autostart ||
      before.autostart_once != domain.autostart_once || before.persistent != domain.persistent ||
      before.active() != domain.active())
    dependencies_stale_ = true;
  if (before.policy_text != domain.policy_text || before.policy_error != domain.policy_error) read_policy(record);
  const bool other_run = before.active() && domain.active() && before.id != domain.id;
  if (domain.active() && (!before.active() || other_run)) {
    record.clock_stale = before.managed_save;
    return started(record, other_run ? std::nullopt : start_cause(record), now);
  }
  if (before.active() && !domain.active()) return stopped(record, now);
  if (!record.lifecycle_call()) settle(record, before.state != domain.state, now);
}

/// Who asked for the start that is under way; nothing when it is somebody else's.
std::optional<std::string> Supervisor::start_cause(Record& record) const {
  if (const auto* call = record.lifecycle_call())
    return call->operation.kind == OperationKind::start ? std::optional(call->cause) : std::nullopt;
  // A start whose call was lost, with libvirt or with the last instance.
  return record.task && record.phase == Phase::starting ? std::optional(record.task->cause) : std::nullopt;
}

void Supervisor::started(Record& record, const std::optional<std::string>& our_cause, Moment now) {
  const bool ours = our_cause.has_value();
  const auto cause = our_cause.value_or(kOtherClient);
  const bool restarted = ours && record.task && !record.task->ordered;
  if (!restarted) {
    record.restarts.reset();
    record.restart_count = 0;
  }
  begin_ready_wait(record, ours && record.task && record.task->ordered, now);
  record.intent = Intent::up;
  record.started_usec = now.wall_usec;
  record.task.reset();
  if (record.stop_task) restart_stop_task(record);
  end_stop_wait(record, Result<void>());  // it was off in between
  record.stop_cause.clear();
  record.host_ended_it = record.panicked = record.never_ready = false;
  record.last_error.clear();
  actions_.push_back(WithdrawNotice{Incident::gave_up, record.domain.uuid});
  const auto missing = ours ? missing_dependencies(record) : std::string();
  journal(Incident::started, record, "started (" + cause + ")" + missing);
  if (record.ready_wait)
    set_phase(record, Phase::waiting_ready, "waits to be ready: " + to_text(record.ready_wait->readiness) + missing,
              cause, now, true);
  else
    set_phase(record, Phase::running, "started" + missing, cause, now, true);
}

/// Nothing is asked of libvirt about this VM: a phase that says otherwise is left from a connection that was lost.
void Supervisor::settle(Record& record, bool state_changed, Moment now) {
  const bool under_way =
      record.phase == Phase::starting || record.phase == Phase::saving || record.phase == Phase::stopping;
  if (stop_task_of(record.domain.uuid)) return;
  if (record.domain.active()) {
    if (under_way && !record.stop_wait) {  // a stop that was asked for, and came to nothing
      record.intent = Intent::up;
      record.stop_cause.clear();
    }
    if (state_changed || under_way) settle_active(record, kOtherClient, now);
  } else if (under_way && !record.task) {
    set_phase(record, Phase::inactive, stop_text(record.domain.stop_reason), kOtherClient, now);
  }
}

/// The phase of a VM that runs and about which nothing is under way.
void Supervisor::settle_active(Record& record, const std::string& cause, Moment now) {
  if (record.stop_wait || stop_task_of(record.domain.uuid)) return;
  if (record.ready_wait) {
    if (record.phase != Phase::waiting_ready)
      set_phase(record, Phase::waiting_ready, "waits to be ready: " + to_text(record.ready_wait->readiness), cause,
                now);
    return;
  }
  const auto& domain = record.domain;
  std::string reason = "running";
  if (domain.state == DomainState::paused)
    reason = "paused (" + (record.asleep ? "for " + kHostSleeps : domain.state_reason) + ")";
  if (domain.state == DomainState::pm_suspended) reason = "suspended by the guest";
  if (domain.state == DomainState::crashed)
    reason = "the guest crashed and is kept as it was (" + domain.state_reason + ")";
  set_phase(record, Phase::running, reason, cause, now);
}

void Supervisor::stopped(Record& record, Moment now) {
  const auto reason = record.domain.stop_reason;
  auto* call = record.lifecycle_call();
  auto cause = !record.stop_cause.empty() ? std::exchange(record.stop_cause, {}) : kOtherClient;
  if (call && is_stop(*call)) cause = call->cause;
  const bool asked_by_us = cause != kOtherClient;
  record.ready_wait.reset();
  record.scope.clear();
  record.started_usec = 0;
  record.never_ready = false;
  end_stop_wait(record, Result<void>());
  const bool killed = !asked_by_us && reason == StopReason::shutdown && record.host_ended_it;
  if (!asked_by_us && (killed || reason == StopReason::crashed || reason == StopReason::failed)) {
    const auto what = record.panicked ? "the guest panicked" : killed ? "QEMU was ended by a signal" : "QEMU crashed";
    return crashed(record, killed, what, now);
  }
  const bool asleep = record.asleep && record.asleep->action == SleepAction::save && reason == StopReason::saved;
  if (!asleep) record.asleep.reset();
  if (asleep)
    record.intent = Intent::up;
  else if (asked_by_us || is_stop_by_somebody(reason))
    record.intent = Intent::down;
  else
    record.intent = Intent::none;
  set_phase(record, Phase::inactive, stop_text(reason), cause, now);
}

void Supervisor::crashed(Record& record, bool killed, const std::string& what, Moment now) {
  journal(Incident::crashed, record, what);
  record.last_error = what;
  const auto& policy = record.policy;
  const bool wanted = policy.restart == RestartWhen::always || (policy.restart == RestartWhen::on_failure && !killed);
  if (!record.domain.persistent || record.intent == Intent::down || !wanted || stop_run_) {
    record.intent = Intent::none;
    const auto why = stop_run_ ? "all VMs are being stopped" : "its policy does not restart it";
    return set_phase(record, Phase::inactive, what + "; " + why, "crash", now);
  }
  const auto before = record.restarts.used(policy, now.steady);
  if (!record.restarts.take(policy, now.steady)) {
    const auto reason = what + ", and was restarted " + std::to_string(before) + " times within " +
                        std::to_string(static_cast<std::int64_t>(policy.restart_window_sec)) + " s before";
    return give_up(record, reason, "crash", now);
  }
  ++record.restart_count;
  const auto wait =
      backoff_.wait(before, from_seconds(policy.restart_delay_sec), from_seconds(policy.restart_delay_max_sec));
  record.task = StartTask{.cause = "restart policy",
                          .ordered = false,
                          .marked = false,
                          .stage = StartStage::backoff,
                          .until = now.steady + wait};
  set_phase(
      record, Phase::backoff,
      what + "; restart " + std::to_string(before + 1) + " of " + std::to_string(policy.restart_limit) + " follows",
      "crash", now);
}

void Supervisor::set_phase(Record& record, Phase phase, std::string reason, const std::string& cause, Moment now,
                           bool told) {
  const bool phase_changed = record.phase != phase || record.phase_reason.empty();
  if (phase_changed || record.phase_reason != reason) changed_.insert(record.domain.uuid);
  record.phase = phase;
  record.phase_reason = std::move(reason);
  if (!phase_changed) return;
  history_.add({now.wall_usec, record.domain.uuid, record.domain.name, phase, record.phase_reason, cause});
  if (!told) journal(Incident::phase, record, std::string(to_text(phase)) + " (" + record.phase_reason + ")");
}

/// Whoever asks for a record that can be changed may change it: it is looked at again by the owner.
VmRecord* Supervisor::find(const std::string& uuid) {
  const auto found = vms_.find(uuid);
  if (found == vms_.end()) return nullptr;
  changed_.insert(uuid);
  return &found->second;
}

const VmRecord* Supervisor::find(const std::string& uuid) const {
  const auto found = vms_.find(uuid);
  return found == vms_.end() ? nullptr : &found->second;
}

void Supervisor::journal(Incident incident, const Record& record, std::string text) {
  actions_.push_back(JournalEntry{incident, record.domain.uuid, record.domain.name, std::move(text)});
}

void Supervisor::notify(Incident incident, const Record& record, std::string text) {
  actions_.push_back(Notice{incident, record.domain.uuid, record.domain.name, std::move(text)});
}

}  // namespace virtsession
