// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

// How guests, QEMU and libvirt stop, and what makes the supervisor stop them.

namespace virtsession {

void World::end_session(double seconds) {
  supervisor_->on_session_end(time_ + from_seconds(seconds), now());
  collect();
}

void World::hurry() {
  supervisor_->on_hurry(now());
  collect();
}

void World::sleep() {
  supervisor_->on_sleep(true, now());
  collect();
}

void World::wake_up() {
  supervisor_->on_sleep(false, now());
  collect();
}

RequestId World::request_stop_all(bool wait, std::optional<double> seconds) {
  const auto id = next_request_++;
  outstanding_.insert(id);
  const auto deadline = seconds ? std::optional(time_ + from_seconds(*seconds)) : std::nullopt;
  supervisor_->on_stop_all(id, wait, "tester", deadline, now());
  collect();
  return id;
}

Duration World::takes(const FakeDomain& domain, const Operation& operation) const {
  if (operation.kind() == OperationKind::start) return domain.start_takes;
  if (operation.kind() == OperationKind::save && !domain.save_refusal.empty()) return {};
  if (operation.kind() == OperationKind::save) return domain.save_takes;
  if (const auto* question = std::get_if<call::ReadAddresses>(&operation.call))
    return question->agent ? domain.question_takes : Duration{};
  const auto* shutdown = std::get_if<call::Shutdown>(&operation.call);
  const bool by_agent = shutdown && shutdown->way != ShutdownWay::acpi;
  return by_agent && domain.snapshot.agent_connected ? domain.agent_takes : Duration{};
}

void World::check_operation(const FakeDomain& domain, const Operation& operation, bool asked_for) {
  const auto& name = domain.snapshot.name;
  CAPTURE(name);
  CAPTURE(to_text(operation.kind()));
  if (operation.kind() == OperationKind::start) {
    CHECK_MESSAGE(domain.snapshot.persistent, "a transient VM is started");
    CHECK_MESSAGE((stop_state() == "idle" && !supervisor_->session_over()), "a VM is started while all are stopped");
  }
  const bool stops = operation.kind() == OperationKind::shutdown || operation.kind() == OperationKind::save ||
                     operation.kind() == OperationKind::power_off;
  if (asked_for) return;
  const bool spares_transient = !supervisor_->session_end() && !unwanted_.contains(operation.uuid);
  const bool is_harmless = operation.kind() == OperationKind::shutdown || operation.kind() == OperationKind::power_off;
  if (stops || operation.kind() == OperationKind::pause)
    CHECK_MESSAGE((domain.snapshot.persistent || (is_harmless && !spares_transient)),
                  "a transient VM is saved, paused, or stopped before the session ends");
  if (operation.kind() == OperationKind::save)
    CHECK_MESSAGE(domain.snapshot.save_blocker.empty(), "what cannot be saved is saved");
  if (!stops) return;
  const auto* shutdown = std::get_if<call::Shutdown>(&operation.call);
  const bool by_agent = shutdown && shutdown->way == ShutdownWay::agent;
  const auto how = operation.kind() == OperationKind::shutdown ? (by_agent ? "agent" : "button")
                                                               : std::string(to_text(operation.kind()));
  stops_.push_back(std::string(how) + " " + name);
  if (on_policy_stop) on_policy_stop(name, operation.kind());
}

Result<void> World::ask_guest(FakeDomain& domain, ShutdownWay way) {
  const bool has_agent = domain.snapshot.agent_connected && domain.agent_failure.empty();
  if (way == ShutdownWay::agent && !has_agent)
    return Error{ErrorCode::operation_failed,
                 domain.agent_failure.empty() ? "the agent is not connected" : domain.agent_failure};
  if (domain.snapshot.state != DomainState::running) return Error{ErrorCode::operation_failed, "it does not run"};
  if (way == ShutdownWay::agent || (way == ShutdownWay::automatic && has_agent)) {
    domain.asked = !domain.ignores_agent;
    return {};
  }
  if (!domain.button_failure.empty()) return Error{ErrorCode::operation_failed, domain.button_failure};
  if (domain.sleeps_on_button && !domain.ignores_button && time_ >= domain.booted) {
    domain.snapshot.state = DomainState::pm_suspended;
    domain.snapshot.state_reason = "unknown";
    later({}, [this, uuid = domain.snapshot.uuid] {
      if (!domains_.contains(uuid)) return;
      send(uuid);
    });
    return {};
  }
  domain.asked = !domain.ignores_button && time_ >= domain.booted;
  return {};
}

/// A guest that was asked does what it does, after its time.
void World::obey(FakeDomain& domain) {
  const bool runs = domain.snapshot.state == DomainState::running;
  if (!std::exchange(domain.asked, false) || domain.ignores_shutdown || !runs) return;
  const auto happen = [this, uuid = domain.snapshot.uuid, id = domain.snapshot.id] {
    const auto found = domains_.find(uuid);
    if (found == domains_.end() || found->second.snapshot.id != id) return;
    auto& guest = found->second;
    if (guest.reboots_instead || guest.snapshot.restarts_on_poweroff) {
      guest.booted = time_ + guest.boot_takes;
      return send_event(uuid, DomainEventKind::rebooted);
    }
    stop(guest, ShutoffReason::shutdown, DomainEventKind::shutdown_by_guest);
    send(uuid);
  };
  if (domain.shutdown_takes == Duration{}) return happen();
  later(domain.shutdown_takes, happen);
}

/// The save of a VM that is under way.
std::deque<World::Call>::iterator World::save_of(const std::string& uuid) {
  return std::ranges::find_if(calls_, [&](const auto& call) {
    return call.operation.uuid == uuid && call.operation.kind() == OperationKind::save;
  });
}

void World::abort_save(const std::string& uuid) {
  const auto save = save_of(uuid);
  if (save == calls_.end() || domains_.at(uuid).cannot_abort) return;
  const auto id = save->operation.id;
  calls_.erase(save);
  send(uuid);
  supervisor_->on_operation_done(id, Error{ErrorCode::operation_failed, "operation aborted: canceled by client"},
                                 now());
  collect();
}

void World::tell_progress(const std::string& uuid) {
  const auto save = save_of(uuid);
  if (save == calls_.end()) return;
  const auto& domain = domains_.at(uuid);
  const auto all = domain.snapshot.memory_kib * 1024;
  const auto left = std::chrono::duration<double>(save->due - time_) / std::chrono::duration<double>(domain.save_takes);
  const auto remaining = static_cast<std::uint64_t>(static_cast<double>(all) * std::max(left, 0.0));
  supervisor_->on_job_progress(uuid, {all - remaining, remaining, all}, now());
  collect();
}

void World::tell_addresses(const Operation& operation) {
  const auto& question = std::get<call::ReadAddresses>(operation.call);
  const auto found = domains_.find(operation.uuid);
  Result<void> result = Error{ErrorCode::operation_failed, "domain is not running"};
  if (found != domains_.end() && found->second.snapshot.active()) {
    const auto& domain = found->second;
    FoundAddresses told;
    told.id = domain.snapshot.id;
    if (question.agent && !domain.questions_fail) told.agent = domain.agent_addresses;
    if (question.arp) told.arp = domain.arp_addresses;
    supervisor_->on_addresses(operation.uuid, told);
    collect();
    result = {};
    if (question.agent && !told.agent && domain.arp_addresses.empty())
      result = Error{ErrorCode::operation_failed, "Guest agent is not responding"};
  }
  supervisor_->on_operation_done(operation.id, result, now());
  collect();
}

void World::terminate(const std::string& uuid) {
  CHECK_MESSAGE(supervisor_->session_end(), "QEMU is ended by SIGTERM before the session ends");
  if (!domains_.contains(uuid))  // it was transient, and libvirt could not tell that it is gone
    return later({}, [this, uuid] {
      supervisor_->on_qemu_ended(uuid, now());
      collect();
    });
  auto& domain = domains_.at(uuid);
  terminated_.push_back(domain.snapshot.name);
  if (domain.ignores_sigterm || !domain.snapshot.active()) return;
  later(std::chrono::milliseconds(500), [this, uuid, id = domain.snapshot.id] {
    const auto found = domains_.find(uuid);
    if (found == domains_.end() || found->second.snapshot.id != id) return;
    stop(found->second, ShutoffReason::shutdown, DomainEventKind::shutdown_by_host);
    send(uuid);
    supervisor_->on_qemu_ended(uuid, now());
    collect();
  });
}

void World::replace_libvirt(const std::string& reason) {
  replacements_.push_back(reason);
  if (!replacement_takes) return;
  later({}, [this] {
    if (connected_) lose_libvirt();
  });
  later(*replacement_takes, [this] {
    if (!connected_) connect();
  });
}

void define_chain(World& world, Duration shutdown_takes) {
  world.define("db", running());
  world.define("app", running({{"start_after", {"db"}}}));
  world.define("web", running({{"start_after", {"app"}}}));
  for (const auto& name : world.names()) world.domain(name).shutdown_takes = shutdown_takes;
}

}  // namespace virtsession
