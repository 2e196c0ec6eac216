// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

// What the supervisor asks of the world, and what it says.

namespace virtsession {

void World::execute(Call call) {
  const auto& operation = call.operation;
  const auto found = domains_.find(operation.uuid);
  policy_starts_.erase(operation.id);
  if (operation.kind() == OperationKind::abort_job) abort_save(operation.uuid);
  if (operation.kind() == OperationKind::job_progress) tell_progress(operation.uuid);
  if (operation.kind() == OperationKind::read_addresses) return tell_addresses(operation);
  Result<void> result = Error{ErrorCode::operation_failed, "Domain not found"};
  const auto before = found == domains_.end() ? -1 : found->second.snapshot.id;
  if (found != domains_.end()) result = apply(found->second, operation);
  send(operation.uuid);
  if (const auto report = std::exchange(report_, {})) supervisor_->on_forwards(operation.uuid, *report);
  supervisor_->on_operation_done(operation.id, result, now());
  collect();
  const auto asked = domains_.find(operation.uuid);
  if (!result || operation.kind() != OperationKind::shutdown || asked == domains_.end()) return;
  if (asked->second.snapshot.id == before)
    obey(asked->second);  // the guest shuts down after the call that asked for it
}

Result<void> World::apply(FakeDomain& domain, const Operation& operation) {
  auto& snapshot = domain.snapshot;
  const auto failed = [](std::string text) { return Error{ErrorCode::operation_failed, std::move(text)}; };
  if (operation.kind() == OperationKind::start) {
    if (snapshot.active()) return failed("domain is already running");
    if (std::exchange(domain.destroyed_in_start, false))
      return Error{ErrorCode::interrupted, "terminating on signal 15 from pid 12 (/usr/sbin/libvirtd)"};
    if (domain.start_always_fails) return Error{ErrorCode::operation_failed, "no disk", domain.retry_helps};
    if (!domain.start_failures.empty()) {
      const auto text = domain.start_failures.front();
      domain.start_failures.erase(domain.start_failures.begin());
      return failed(text);
    }
    start(domain);
    return {};
  }
  if (!domain.any_failure.empty()) return failed(domain.any_failure);
  switch (operation.kind()) {
    case OperationKind::set_autostart:
      snapshot.autostart = std::get<call::SetAutostart>(operation.call).enable;
      return {};
    case OperationKind::set_autostart_once:
      snapshot.autostart_once = std::get<call::SetAutostartOnce>(operation.call).enable;
      return {};
    case OperationKind::set_policy:
      snapshot.policy_text = std::get<call::SetPolicy>(operation.call).text;
      return {};
    case OperationKind::define_forwards:
      define_forwards(domain, std::get<call::DefineForwards>(operation.call));
      return {};
    case OperationKind::sync_forwards:
    case OperationKind::abort_job:
    case OperationKind::job_progress:
    case OperationKind::start:
    case OperationKind::shutdown:
    case OperationKind::save:
    case OperationKind::power_off:
    case OperationKind::reboot:
    case OperationKind::pause:
    case OperationKind::resume:
    case OperationKind::set_time:
    case OperationKind::read_addresses:
      break;
  }
  if (!snapshot.active()) return failed("domain is not running");
  switch (operation.kind()) {
    case OperationKind::shutdown:
      return ask_guest(domain, std::get<call::Shutdown>(operation.call).way);
    case OperationKind::save:
      if (!snapshot.persistent) return failed("cannot do managed save for transient domain");
      if (!domain.save_refusal.empty()) return Error{ErrorCode::not_supported, domain.save_refusal};
      if (!domain.save_failure.empty()) return failed(domain.save_failure);
      domain.saved_standing = snapshot.state != DomainState::running && !std::get<call::Save>(operation.call).running;
      stop(domain, ShutoffReason::saved, {});
      return {};
    case OperationKind::power_off:
      if (!domain.power_off_failure.empty()) return failed(domain.power_off_failure);
      stop(domain, ShutoffReason::destroyed, DomainEventKind::shutdown_by_host);
      return {};
    case OperationKind::pause:
      if (snapshot.state == DomainState::paused) return {};
      snapshot.state = DomainState::paused, snapshot.state_reason = "user";
      snapshot.pause_reason = PauseReason::user;
      return {};
    case OperationKind::resume:
      if (!domain.resume_failure.empty()) return failed(domain.resume_failure);
      snapshot.state = DomainState::running, snapshot.state_reason = "unpaused";
      snapshot.pause_reason = PauseReason::none;
      return {};
    case OperationKind::set_time:
      if (!snapshot.agent_connected) return failed("the agent is not connected");
      if (!domain.agent_failure.empty()) return failed(domain.agent_failure);
      domain.clock_settings.push_back(std::get<call::SetTime>(operation.call).usec);
      return {};
    case OperationKind::sync_forwards:
      return forward(domain, std::get<call::SyncForwards>(operation.call));
    case OperationKind::define_forwards:
    case OperationKind::start:
    case OperationKind::reboot:
    case OperationKind::set_autostart:
    case OperationKind::set_autostart_once:
    case OperationKind::set_policy:
    case OperationKind::abort_job:
    case OperationKind::job_progress:
    case OperationKind::read_addresses:
      break;
  }
  return {};
}

RequestId World::request(RequestKind kind, const std::string& name, const Change& change) {
  const auto id = next_request_++;
  VmRequest request;
  request.uuid = uuid(name);
  request.kind = kind;
  request.caller = "tester";
  if (change) change(request);
  outstanding_.insert(id);
  asked_for_ = request.uuid;
  if (kind == RequestKind::shutdown || kind == RequestKind::stop) unwanted_.insert(request.uuid);
  supervisor_->on_request(id, request, now());
  collect();
  asked_for_.clear();
  return id;
}

RequestId World::request_autostart(bool wait) {
  const auto id = next_request_++;
  outstanding_.insert(id);
  supervisor_->on_autostart_request(id, wait, "tester", now());
  collect();
  return id;
}

void World::collect() {
  for (const auto& action : supervisor_->take_actions()) take(action);
  most_starts_in_flight_ = std::max(most_starts_in_flight_, policy_starts_.size());
  check_views();
}

void World::take(const Action& action) {
  if (const auto* run = std::get_if<RunOperation>(&action)) {
    begin(run->operation);
  } else if (const auto* answer = std::get_if<Answer>(&action)) {
    CHECK_MESSAGE(outstanding_.erase(answer->request) == 1, "a request is answered that does not wait for an answer");
    answers_.emplace(answer->request, answer->result);
  } else if (const auto* entry = std::get_if<JournalEntry>(&action)) {
    journal_.push_back(*entry);
  } else if (const auto* notice = std::get_if<Notice>(&action)) {
    notices_.emplace(notice->uuid, notice->incident);
  } else if (const auto* over = std::get_if<WithdrawNotice>(&action)) {
    notices_.erase({over->uuid, over->incident});
  } else if (const auto* replace = std::get_if<ReplaceLibvirt>(&action)) {
    replace_libvirt(replace->reason);
  } else if (const auto* terminate = std::get_if<TerminateQemu>(&action)) {
    this->terminate(terminate->uuid);
  }
}

void World::begin(const Operation& operation) {
  CHECK_MESSAGE(connected_, "libvirt is asked for something while there is no connection");
  const auto found = domains_.find(operation.uuid);
  const auto wait = found == domains_.end() ? Duration{} : takes(found->second, operation);
  calls_.push_back({operation, time_ + wait});
  if (found == domains_.end()) return;
  const auto& name = found->second.snapshot.name;
  const bool asked_for = operation.uuid == asked_for_;
  check_operation(found->second, operation, asked_for);
  check_forward_call(found->second, operation);
  if (operation.kind() != OperationKind::start) return;
  started_.push_back(name);
  if (asked_for) return;
  policy_starts_.insert(operation.id);
  if (on_policy_start) on_policy_start(name);
}

/// What the owner shows is what it last read of the VMs that it was told of: that must be all that has changed.
void World::check_views() {
  for (const auto& uuid : supervisor_->take_changed()) shown_.erase(uuid);
  const auto uuids = supervisor_->uuids();
  if (++events_ % view_check_interval != 0) return;
  for (const auto& uuid : uuids) {
    const auto view = supervisor_->view(uuid);
    const auto [shown, is_new] = shown_.emplace(uuid, view);
    CHECK_MESSAGE(shown->second == view,
                  "a VM has changed and nobody was told: " << view.name << " is now " << to_text(view.phase));
    CHECK_MESSAGE(!view.phase_reason.empty(), "a VM is in a phase without a reason: " << view.name);
  }
}

std::string World::answer(RequestId id) const {
  const auto found = answers_.find(id);
  if (found == answers_.end()) return {};
  return found->second ? "ok" : std::string(to_text(found->second.error().code));
}

std::string World::answer_text(RequestId id) const {
  const auto found = answers_.find(id);
  return found == answers_.end() || found->second ? std::string() : found->second.error().message;
}

VmView World::view(const std::string& name) const { return supervisor_->view(uuid(name)); }
std::string World::phase(const std::string& name) const { return std::string(to_text(view(name).phase)); }
std::string World::reason(const std::string& name) const { return view(name).phase_reason; }
std::string World::intent(const std::string& name) const { return std::string(to_text(view(name).intent)); }
bool World::running(const std::string& name) { return domain(name).snapshot.active(); }
std::string World::autostart_state() const { return std::string(to_text(supervisor_->autostart_state())); }

Strings World::pending() const {
  Strings result;
  for (const auto& call : calls_) {
    if (call.operation.kind() == OperationKind::read_addresses) continue;
    const auto found = domains_.find(call.operation.uuid);
    result.push_back(std::string(to_text(call.operation.kind())) + " " +
                     (found == domains_.end() ? call.operation.uuid : found->second.snapshot.name));
  }
  return result;
}

std::size_t World::questions(const std::string& name) const {
  return static_cast<std::size_t>(std::ranges::count_if(calls_, [id = uuid(name)](const Call& call) {
    return call.operation.uuid == id && call.operation.kind() == OperationKind::read_addresses;
  }));
}

bool World::has_notice(const std::string& name, Incident incident) const {
  return notices_.contains({uuid(name), incident});
}

Strings World::journal(const std::string& name, Incident incident) const {
  Strings result;
  for (const auto& entry : journal_)
    if (entry.name == name && entry.incident == incident) result.push_back(entry.text);
  return result;
}

std::vector<HistoryEntry> World::history(const std::string& name) const { return supervisor_->history(uuid(name), 0); }

}  // namespace virtsession
