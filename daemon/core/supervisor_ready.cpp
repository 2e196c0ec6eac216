// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

// When a VM that runs is ready, so that others may go on.

namespace virtsession {

/// When a VM that waits to be ready has to be looked at for the passage of time.
SteadyTime Supervisor::ready_check(const Record& record) {
  const auto& policy = record.policy;
  const bool delay = policy.start_ready.when == ReadyWhen::delay;
  return record.ready_wait->since + from_seconds(delay ? policy.start_ready_delay_sec : policy.start_ready_timeout_sec);
}

void Supervisor::on_tcp_ready(const std::string& uuid, Moment now) {
  auto* record = find(uuid);
  if (!record || !record->ready_wait) return;
  record->ready_wait->answered = true;
  advance(now);
}

std::map<std::string, TcpProbe> Supervisor::probes() const {
  std::map<std::string, TcpProbe> result;
  for (const auto& [uuid, record] : vms_)
    if (connected_ && record.ready_wait && record.ready_wait->readiness.when == ReadyWhen::tcp)
      result[uuid] = {record.ready_wait->readiness.host, record.ready_wait->readiness.port};
  return result;
}

void Supervisor::begin_ready_wait(Record& record, bool ordered, Moment now) {
  record.ready_wait.reset();
  if (record.policy.start_ready.when == ReadyWhen::started || !record.domain.persistent) return;
  record.ready_wait = ReadyWait{record.policy.start_ready, now.steady, ordered};
}

bool Supervisor::check_ready(Record& record, Moment now) {
  auto& wait = *record.ready_wait;
  const auto& readiness = record.policy.start_ready;
  if (wait.readiness != readiness) {
    wait.readiness = readiness;
    wait.answered = false;
    set_phase(record, Phase::waiting_ready, "waits to be ready: " + to_text(readiness), "policy", now);
  }
  const bool time_is_up = now.steady >= ready_check(record);
  bool ready = false, no_agent = false;
  switch (readiness.when) {
    case ReadyWhen::started:
      ready = true;
      break;
    case ReadyWhen::agent:
      ready = record.domain.agent_connected;
      no_agent = !record.domain.agent_configured;
      break;
    case ReadyWhen::tcp:
      ready = wait.answered;
      break;
    case ReadyWhen::delay:
      ready = time_is_up;
      break;
  }
  if (!ready && !no_agent && !time_is_up) return false;
  record.ready_wait.reset();
  if (ready) {
    set_phase(record, Phase::running, "ready: " + to_text(readiness), "policy", now);
    return true;
  }
  record.never_ready = true;
  record.last_error = no_agent ? std::string("it has no channel for a guest agent")
                               : "not ready by " + to_text(readiness) + " within " +
                                     nlohmann::json(record.policy.start_ready_timeout_sec).dump() + " s";
  set_phase(record, Phase::running, record.last_error + "; VMs that start after it go on", "policy", now);
  journal(Incident::not_ready, record, record.last_error);
  return true;
}

}  // namespace virtsession
