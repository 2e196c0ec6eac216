// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

#include <algorithm>
#include <limits>

// Starts by policy: the run of autostart, retries, restarts, readiness.

namespace virtsession {
namespace {

constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLastRetry = std::chrono::seconds(60);

std::string list_text(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string in_quotes(const std::string& name) { return "\"" + name + "\""; }

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

void Supervisor::begin_autostart(const std::string& cause, Moment now) {
  for (auto& [uuid, record] : vms_) {
    if (!wants_start(record) || record.task || record.lifecycle_call()) continue;
    const bool marked = record.domain.autostart || record.domain.autostart_once.value_or(false);
    record.task = StartTask{.cause = cause, .marked = marked};
    record.intent = Intent::up;
    set_phase(record, Phase::queued, "waits for its turn", cause, now);
    // libvirt's flag for one start is used up by that start, as when libvirt itself starts the VM.
    if (record.domain.autostart_once.value_or(false))
      call(record, Operation{.uuid = uuid, .kind = OperationKind::set_autostart_once, .enable = false}, cause, {});
  }
}

void Supervisor::on_autostart_request(RequestId request, bool wait, const std::string& cause, Moment now) {
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

void Supervisor::on_tcp_ready(const std::string& uuid, Moment now) {
  auto* record = find(uuid);
  if (!record || !record->ready_wait || record->ready_wait->readiness.when != ReadyWhen::tcp) return;
  record->ready_wait->ready_at = now.steady;
  advance(now);
}

void Supervisor::on_tick(Moment now) {
  for (auto& [uuid, record] : vms_) {
    if (!record.stop_wait || now.steady < record.stop_wait->deadline) continue;
    const auto text = in_quotes(record.domain.name) + " did not shut down in the time it was given";
    auto waited = std::move(*record.stop_wait);
    record.stop_wait.reset();
    record.stop_cause.clear();
    record.last_error = text;
    answer_all(waited.requests, Error{ErrorCode::timed_out, text});
    if (!record.domain.active()) continue;
    record.intent = Intent::up;
    set_phase(record, Phase::running, text, "policy", now);
  }
  advance(now);
}

std::optional<SteadyTime> Supervisor::wake() const {
  std::optional<SteadyTime> first;
  const auto consider = [&](SteadyTime when) { first = first ? std::min(*first, when) : when; };
  for (const auto& [uuid, record] : vms_) {
    if (record.stop_wait) consider(record.stop_wait->deadline);
    if (!connected_) continue;
    if (record.task && (record.task->stage == StartStage::delayed || record.task->stage == StartStage::backoff))
      consider(record.task->until);
    if (record.ready_wait) consider(record.ready_wait->ready_at.value_or(record.ready_wait->deadline));
  }
  return first;
}

WantedFacts Supervisor::wanted_facts() const {
  WantedFacts wanted;
  for (const auto& [uuid, record] : vms_)
    if (record.task && record.task->stage != StartStage::starting) add_wanted(wanted, record.policy);
  return wanted;
}

std::map<std::string, TcpProbe> Supervisor::probes() const {
  std::map<std::string, TcpProbe> result;
  for (const auto& [uuid, record] : vms_)
    if (connected_ && record.ready_wait && record.ready_wait->readiness.when == ReadyWhen::tcp)
      result[uuid] = {record.ready_wait->readiness.host, record.ready_wait->readiness.port};
  return result;
}

AutostartState Supervisor::autostart_state() const {
  if (!autostart_begun_) return AutostartState::pending;
  bool incomplete = false;
  for (const auto& [uuid, record] : vms_) {
    const bool waits_for_host = record.task && record.task->stage == StartStage::conditions;
    if ((record.task && record.task->ordered && !waits_for_host) || record.ready_wait) {
      const auto planned = plan_.find(uuid);
      if (planned == plan_.end() || planned->second.holds) return AutostartState::running;
    }
    if (record.task || record.phase == Phase::gave_up) incomplete = true;
  }
  return incomplete ? AutostartState::incomplete : AutostartState::done;
}

/// Every VM that is part of the run now: it has a task, or runs and is not ready yet.
void Supervisor::rebuild_plan() {
  std::vector<StartNode> nodes;
  for (const auto& [uuid, record] : vms_) {
    const bool starts = (record.task && record.task->ordered) || record.ready_wait;
    nodes.push_back({uuid, record.domain.name, record.policy.start_order, record.policy.start_after, starts,
                     record.domain.active() && !record.ready_wait});
  }
  plan_.clear();
  plan_order_.clear();
  for (auto& planned : plan_starts(std::move(nodes))) {
    plan_order_.push_back(planned.uuid);
    plan_[planned.uuid] = {planned.order, std::move(planned.after), true};
  }
}

/// A VM holds up later orders while its start goes on by itself: not while it waits for something of the host, for its
/// next try, or for a VM that does.
void Supervisor::find_holders() {
  lowest_holding_order_ = std::numeric_limits<std::int64_t>::max();
  for (const auto& uuid : plan_order_) {  // what a VM waits for comes before it
    auto& planned = plan_.at(uuid);
    const auto& record = vms_.at(uuid);
    planned.holds = true;
    if (record.task) {
      switch (record.task->stage) {
        case StartStage::conditions:
        case StartStage::backoff:
          planned.holds = false;
          break;
        case StartStage::queued:
          planned.holds = planned.after.empty() ||
                          std::ranges::any_of(planned.after, [&](const auto& dep) { return plan_.at(dep).holds; });
          break;
        case StartStage::delayed:
        case StartStage::slot:
        case StartStage::starting:
          break;
      }
    }
    if (planned.holds) lowest_holding_order_ = std::min(lowest_holding_order_, planned.order);
  }
}

/// Brings every start as far as it can go now.
void Supervisor::advance(Moment now) {
  if (!connected_) return;
  for (bool progress = true; progress;) {
    progress = false;
    rebuild_plan();
    find_holders();
    for (const auto& uuid : std::vector<std::string>(plan_order_)) progress |= advance_vm(vms_.at(uuid), now);
    for (auto& [uuid, record] : vms_)
      if (record.task && !record.task->ordered) progress |= advance_vm(record, now);
  }
  answer_settled();
}

bool Supervisor::advance_vm(Record& record, Moment now) {
  if (record.ready_wait) return check_ready(record, now);
  if (!record.task) return false;
  auto& task = *record.task;
  switch (task.stage) {
    case StartStage::queued:
      return pass_queue(record, now);
    case StartStage::delayed:
    case StartStage::backoff:
      if (now.steady < task.until) return false;
      task.stage = StartStage::conditions;
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
  if (record.policy.start_delay_sec > 0) {
    task.stage = StartStage::delayed;
    task.until = now.steady + from_seconds(record.policy.start_delay_sec);
    set_phase(record, Phase::waiting, "waits " + nlohmann::json(record.policy.start_delay_sec).dump() + " s",
              task.cause, now);
  } else {
    task.stage = StartStage::conditions;
  }
  return true;
}

bool Supervisor::pass_conditions(Record& record, Moment now) {
  auto& task = *record.task;
  const auto before = task.stage;
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
  set_phase(record, Phase::starting, "starting (" + record.task->cause + ")" + missing_dependencies(record),
            record.task->cause, now);
  call(record, Operation{.uuid = record.domain.uuid, .kind = OperationKind::start}, record.task->cause, {});
}

void Supervisor::start_failed(Record& record, const Error& error, Moment now) {
  const auto text = "failed to start: " + error.message;
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
  record.task.reset();
  set_phase(record, Phase::gave_up, reason, cause, now);
  journal(Incident::gave_up, record, "gave up: " + reason);
  notify(Incident::gave_up, record, reason);
}

void Supervisor::cancel_task(Record& record, const std::string& reason, const std::string& cause, Moment now) {
  record.task.reset();
  record.intent = Intent::down;
  set_phase(record, Phase::inactive, "not started: " + reason, cause, now);
}

void Supervisor::begin_ready_wait(Record& record, Moment now) {
  const auto& policy = record.policy;
  record.ready_wait.reset();
  if (policy.start_ready.when == ReadyWhen::started || !record.domain.persistent) return;
  ReadyWait wait{policy.start_ready, now.steady + from_seconds(policy.start_ready_timeout_sec), std::nullopt};
  // A delay is no probe that may fail: it has no timeout.
  if (policy.start_ready.when == ReadyWhen::delay)
    wait.ready_at = now.steady + from_seconds(policy.start_ready_delay_sec);
  record.ready_wait = wait;
}

bool Supervisor::check_ready(Record& record, Moment now) {
  const auto& wait = *record.ready_wait;
  const bool by_agent = wait.readiness.when == ReadyWhen::agent && record.domain.agent_connected;
  const bool no_agent = wait.readiness.when == ReadyWhen::agent && !record.domain.agent_configured;
  const bool late = now.steady >= wait.deadline && wait.readiness.when != ReadyWhen::delay;
  if (by_agent || (wait.ready_at && now.steady >= *wait.ready_at)) {
    set_phase(record, Phase::running, "ready: " + to_text(wait.readiness), "policy", now);
  } else if (no_agent || late) {
    const auto text = no_agent ? std::string("it has no channel for a guest agent")
                               : "not ready by " + to_text(wait.readiness) + " within " +
                                     nlohmann::json(record.policy.start_ready_timeout_sec).dump() + " s";
    record.last_error = text;
    record.never_ready = true;
    set_phase(record, Phase::running, text + "; VMs that start after it go on", "policy", now);
    journal(Incident::not_ready, record, text);
  } else {
    return false;
  }
  record.ready_wait.reset();
  return true;
}

/// What a VM would have waited for and goes without, for its reason.
std::string Supervisor::missing_dependencies(const Record& record) const {
  std::vector<std::string> missing;
  for (const auto& name : record.policy.start_after) {
    const auto uuid = find_vm(name);
    const auto* other = uuid ? find(*uuid) : nullptr;
    if (!other)
      missing.push_back(in_quotes(name) + " (no such VM)");
    else if (!other->domain.active())
      missing.push_back(in_quotes(name) + " (" + std::string(to_text(other->phase)) + ")");
    else if (other->never_ready)
      missing.push_back(in_quotes(name) + " (not ready)");
  }
  return missing.empty() ? "" : "; without " + list_text(missing);
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
  if (!autostart_requests_.empty() && autostart_state() != AutostartState::running)
    answer_all(autostart_requests_, Result<void>());
}

}  // namespace virtsession
