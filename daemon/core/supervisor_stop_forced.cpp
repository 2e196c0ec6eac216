// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

#include <algorithm>

// The end of the session does not wait for libvirt: one that hangs is replaced, and QEMU is ended without it.

namespace virtsession {
namespace {

using Stage = StopTask::Stage;

}  // namespace

/// libvirt is what stops VMs: one that does not answer is replaced while there is time.
void Supervisor::check_libvirt_answers(Moment now) {
  auto& run = *stop_run_;
  if (!connected_ && !run.connected_by) run.connected_by = now.steady + kReconnectTime;  // a new instance
  std::string reason;
  if (!connected_ && now.steady >= *run.connected_by) reason = "libvirt could not be reached";
  for (const auto& [uuid, record] : vms_) {
    const auto* task = connected_ ? stop_task_of(uuid) : nullptr;
    if (task && std::ranges::any_of(task->unanswered, [&](const auto& call) { return now.steady >= call.second; }))
      reason = "libvirt does not answer";
  }
  if (reason.empty()) return;
  actions_.push_back(ReplaceLibvirt{reason + " while VMs are being stopped"});
  run.connected_by = now.steady + kReconnectTime;
  for (auto& [uuid, record] : vms_)
    if (record.stop_task)
      for (auto& [id, limit] : record.stop_task->unanswered) limit = SteadyTime::max();
}

bool Supervisor::is_to_terminate(const Record& record) const {
  const auto* task = stop_task_of(record.domain.uuid);
  if (!task || task->terminated || !record.domain.active() || !record.domain.persistent) return false;
  if (task->actions.empty()) return true;
  if (task->actions.front() == StopAction::leave) return false;
  // A save that is all that is left may still end well.
  const bool saves = connected_ && task->stage == Stage::acts && task->actions.front() == StopAction::save;
  return !saves || task->actions.size() > 1;
}

/// QEMU syncs its disks and ends on SIGTERM: better than what comes at the deadline.
void Supervisor::terminate_the_rest(Moment now) {
  if (now.steady < last_call()) return;
  for (auto& [uuid, record] : vms_) {
    if (!is_to_terminate(record)) continue;
    auto& task = *record.stop_task;
    task.terminated = true;
    record.stop_cause = stop_run_->cause;
    actions_.push_back(TerminateQemu{uuid, record.domain.name});
    const auto text = "QEMU is ended by SIGTERM: libvirt has not stopped it, and time is up" + task.failed;
    journal(Incident::forced, record, text);
    set_phase(record, Phase::stopping, text, stop_run_->cause, now);
  }
}

void Supervisor::on_qemu_ended(const std::string& uuid, Moment now) {
  auto* record = find(uuid);
  if (!record || !stop_run_ || !record->stop_task || record->stop_task->stage == Stage::ended) return;
  end_stop_task(*record, "ended by SIGTERM");
  advance(now);
}

}  // namespace virtsession
