// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

#include <algorithm>

// The host sleeps: VMs are paused or saved before, and go on after it; guests get the time that has passed.

namespace virtsession {

void Supervisor::on_sleep(bool begins, Moment now) {
  host_sleeps_ = begins;
  for (auto& [uuid, record] : vms_) {
    changed_.insert(uuid);
    if (!begins) record.clock_stale |= record.domain.active();
    if (begins && connected_ && !stop_run_ && record.domain.persistent && !record.lifecycle_call() &&
        record.domain.state == DomainState::running)
      put_to_sleep(record, record.policy.sleep);
  }
  advance(now);
}

void Supervisor::put_to_sleep(Record& record, SleepAction action) {
  if (action == SleepAction::none) return;
  if (action == SleepAction::save && !record.domain.save_blocker.empty()) action = SleepAction::pause;
  const bool saves = action == SleepAction::save;
  if (saves) record.stop_cause = kHostSleeps;
  const auto id = call(record, {.uuid = record.domain.uuid, .kind = saves ? OperationKind::save : OperationKind::pause},
                       kHostSleeps, {});
  record.asleep = SleepTask{action, id};
}

void Supervisor::sleep_call_done(Record& record, const Result<void>& result, Moment now) {
  record.asleep->call.reset();
  if (result) {
    if (record.domain.active()) settle_active(record, kHostSleeps, now);
    return;
  }
  const auto action = std::exchange(record.asleep, {})->action;
  record.stop_cause.clear();
  const bool saves = action == SleepAction::save;
  record.last_error =
      std::string("failed to ") + (saves ? "save" : "pause") + " for " + kHostSleeps + ": " + result.error().message;
  journal(Incident::phase, record, record.last_error);
  if (saves && host_sleeps_ && connected_ && !stop_run_ && record.domain.state == DomainState::running)
    put_to_sleep(record, SleepAction::pause);
}

bool Supervisor::wants_sleep_lock() const {
  return std::ranges::any_of(vms_, [&](const auto& vm) {
    const auto& record = vm.second;
    if (host_sleeps_) return record.asleep && record.asleep->call.has_value();
    return record.policy.sleep != SleepAction::none && record.domain.persistent && record.domain.active();
  });
}

void Supervisor::advance_sleep(Moment now) {
  if (host_sleeps_) return;
  for (auto& [uuid, record] : vms_) {
    if (record.asleep && !record.asleep->call) wake_up(record, now);
    if (record.clock_stale) set_clock(record, now);
  }
}

/// Only what was done for the sleep is undone: who was started, stopped or resumed since is left as it is.
void Supervisor::wake_up(Record& record, Moment now) {
  const auto action = std::exchange(record.asleep, {})->action;
  const auto& domain = record.domain;
  changed_.insert(domain.uuid);
  if (domain.active() && record.stop_cause == kHostSleeps) record.stop_cause.clear();  // a save that came to nothing
  if (action == SleepAction::pause && domain.state == DomainState::paused && !record.lifecycle_call()) {
    call(record, {.uuid = domain.uuid, .kind = OperationKind::resume}, kHostWokeUp, {});
  } else if (action == SleepAction::save && !domain.active() && domain.managed_save && !record.task &&
             !record.lifecycle_call()) {
    record.task = StartTask{.cause = kHostWokeUp, .ordered = false, .marked = false, .stage = StartStage::slot};
    record.intent = Intent::up;
    set_phase(record, Phase::queued, "goes on: " + kHostWokeUp, kHostWokeUp, now);
  }
}

/// A guest that stood still has the time of then. Its agent sets it; one that starts later does it later.
void Supervisor::set_clock(Record& record, Moment now) {
  const auto& domain = record.domain;
  if (!domain.active() || !domain.persistent || !domain.agent_configured || !record.policy.resume_sync_time) {
    record.clock_stale = false;
  } else if (domain.state == DomainState::running && domain.agent_connected) {
    record.clock_stale = false;
    call(record, {.uuid = domain.uuid, .kind = OperationKind::set_time, .time_usec = now.wall_usec}, kHostWokeUp, {});
  }
}

}  // namespace virtsession
