// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>

namespace virtsession {

World::World(Config config, KeptState kept, std::uint32_t seed) : config_(std::move(config)), seed_(seed) {
  start_supervisor(kept);
}

void World::start_supervisor(const KeptState& kept) {
  connected_ = false;
  calls_.clear();
  policy_starts_.clear();
  outstanding_.clear();
  shown_.clear();
  notices_.clear();
  supervisor_ = std::make_unique<Supervisor>(config_, kept, seed_++);
}

FakeDomain& World::domain(const std::string& name) { return domains_.at(uuid(name)); }

std::string World::uuid(const std::string& name) const {
  for (const auto& [uuid, domain] : domains_)
    if (domain.snapshot.name == name) return uuid;
  FAIL("the test names a VM that it did not define: " << name);
  return {};
}

bool World::exists(const std::string& name) const { return supervisor_->find_vm(name).operator bool(); }

Strings World::names() const {
  Strings result;
  for (const auto& [uuid, domain] : domains_) result.push_back(domain.snapshot.name);
  return result;
}

Moment World::now() const {
  const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(time_.time_since_epoch()).count();
  return {time_, 1'700'000'000'000'000U + static_cast<std::uint64_t>(elapsed)};
}

void World::tick() {
  supervisor_->on_tick(now());
  collect();
  const auto wake = supervisor_->wake();
  CHECK_MESSAGE((!wake || *wake > time_), "a wake-up is asked for that is already past: the loop would spin");
}

void World::pass(double seconds) {
  const auto end = time_ + from_seconds(seconds);
  for (int steps = 0; steps < 1'000'000; ++steps) {
    const auto call = libvirt_hangs_ ? calls_.end() : std::ranges::min_element(calls_, {}, &Call::due);
    const auto planned = std::ranges::min_element(planned_, {}, &Planned::due);
    const auto call_due = call == calls_.end() ? SteadyTime::max() : call->due;
    const auto planned_due = planned == planned_.end() ? SteadyTime::max() : planned->due;
    const auto wake = supervisor_->wake().value_or(SteadyTime::max());
    const auto next = std::min({call_due, planned_due, wake});
    if (next > end) {
      time_ = end;
      return;
    }
    time_ = std::max(time_, next);
    if (call_due == next) {
      const auto due = *call;
      calls_.erase(call);
      execute(due);
    } else if (planned_due == next) {
      const auto happen = planned->happen;
      planned_.erase(planned);
      happen();
    } else {
      tick();
    }
  }
  FAIL("time does not go on: the loop spins");
}

void World::later(Duration wait, std::function<void()> happen) {
  planned_.push_back({time_ + wait, std::move(happen)});
}

void World::deliver() {
  while (!calls_.empty() && !libvirt_hangs_) {
    const auto call = calls_.front();
    calls_.pop_front();
    execute(call);
  }
}

void World::deliver(const std::string& name) {
  const auto wanted = uuid(name);
  const auto found = std::ranges::find_if(calls_, [&](const auto& call) { return call.operation.uuid == wanted; });
  REQUIRE_MESSAGE(found != calls_.end(), "libvirt was asked nothing about " << name);
  const auto call = *found;
  calls_.erase(found);
  execute(call);
}

void World::connect() {
  connected_ = true;
  libvirt_hangs_ = false;
  std::vector<DomainSnapshot> list;
  for (const auto& [uuid, domain] : domains_) list.push_back(domain.snapshot);
  supervisor_->on_listed(list, now());
  collect();
}

void World::lose_libvirt(bool executed) {
  connected_ = false;
  if (executed)
    for (const auto& call : calls_)
      if (const auto found = domains_.find(call.operation.uuid); found != domains_.end())
        if (apply(found->second, call.operation) && domains_.contains(call.operation.uuid)) obey(found->second);
  calls_.clear();
  policy_starts_.clear();
  supervisor_->on_libvirt_lost(now());
  collect();
}

void World::restart_supervisor(bool executed, bool knows_lasting) {
  // What is kept goes through two files.
  const auto kept = supervisor_->kept_state();
  KeptState read{nlohmann::json::parse(kept.login.dump())};
  if (knows_lasting) read.lasting = nlohmann::json::parse(kept.lasting.dump());
  if (connected_) lose_libvirt(executed);
  start_supervisor(read);
}

void World::define(const std::string& name, const VmSpec& spec) {
  char uuid[37];
  std::snprintf(uuid, sizeof uuid, "00000000-0000-4000-8000-%012llx", static_cast<unsigned long long>(next_uuid_++));
  FakeDomain domain;
  domain.snapshot.uuid = uuid;
  domain.snapshot.name = name;
  domain.snapshot.persistent = spec.persistent;
  domain.snapshot.autostart = spec.autostart;
  domain.snapshot.autostart_once = spec.once;
  domain.snapshot.memory_kib = spec.memory_mib * 1024;
  domain.snapshot.agent_configured = spec.agent_channel;
  domain.snapshot.state = DomainState::shut_off;
  domain.snapshot.shutoff_reason = ShutoffReason::unknown;
  domain.snapshot.networks = spec.networks;
  if (!spec.policy.is_null()) domain.snapshot.policy_text = spec.policy.dump();
  if (spec.running) {
    domain.snapshot.id = next_id_++;
    domain.snapshot.state = DomainState::running;
    domain.snapshot.shutoff_reason = ShutoffReason::none;
  }
  domains_[uuid] = domain;
  send_event(uuid, spec.persistent ? DomainEventKind::defined : DomainEventKind::started);
  send(uuid);
}

void World::undefine(const std::string& name) {
  auto& domain = this->domain(name);
  const auto id = domain.snapshot.uuid;
  domain.snapshot.persistent = false;
  if (!domain.snapshot.active()) {
    domains_.erase(id);
    for (const auto& call : calls_)
      if (call.operation.uuid == id) policy_starts_.erase(call.operation.id);
  }
  send_event(id, DomainEventKind::undefined, name);
  send(id);
}

void World::add(const FakeDomain& domain) {
  domains_[domain.snapshot.uuid] = domain;
  send_event(domain.snapshot.uuid, DomainEventKind::defined);
  send(domain.snapshot.uuid);
}

void World::rename(const std::string& from, const std::string& to) {
  auto& domain = this->domain(from);
  domain.snapshot.name = to;
  send_event(domain.snapshot.uuid, DomainEventKind::undefined);
  send_event(domain.snapshot.uuid, DomainEventKind::defined);
  send(domain.snapshot.uuid);
}

void World::start(FakeDomain& domain) {
  auto& snapshot = domain.snapshot;
  snapshot.id = next_id_++;
  snapshot.state = DomainState::running;
  snapshot.state_reason = snapshot.managed_save ? "restored" : "booted";
  snapshot.shutoff_reason = ShutoffReason::none;
  snapshot.pause_reason = PauseReason::none;
  if (std::exchange(domain.saved_standing, false) && snapshot.managed_save) {  // as libvirt 9.0.0 has it
    snapshot.state = DomainState::paused;
    snapshot.state_reason = "migrating";
    snapshot.pause_reason = PauseReason::job;
  }
  snapshot.managed_save = false;
  snapshot.agent_connected = false;
  snapshot.in_job = false;
  domain.forwards.clear();
  snapshot.forwards = snapshot.next_forwards;
  domain.run_own_forwards = snapshot.own_forwards;
  domain.booted = time_ + domain.boot_takes;
  send_event(snapshot.uuid, DomainEventKind::started);
  if (domain.dies_at_once) stop(domain, ShutoffReason::failed, {});
}

void World::stop(FakeDomain& domain, ShutoffReason reason, std::optional<DomainEventKind> before) {
  auto& snapshot = domain.snapshot;
  const auto id = snapshot.uuid;
  snapshot.id = -1;
  snapshot.state = DomainState::shut_off;
  snapshot.shutoff_reason = reason == ShutoffReason::failed ? ShutoffReason::crashed : reason;
  snapshot.state_reason = to_text(snapshot.shutoff_reason);
  snapshot.managed_save = reason == ShutoffReason::saved;
  snapshot.pause_reason = PauseReason::none;
  snapshot.disk_error.clear();
  snapshot.disk_error_path.clear();
  snapshot.agent_connected = false;
  snapshot.in_job = false;
  domain.forwards.clear();
  if (snapshot.managed_save) {  // with the definition that it ran with
    snapshot.next_forwards = snapshot.forwards;
    snapshot.own_forwards = domain.run_own_forwards;
  }
  snapshot.forwards.clear();
  if (!snapshot.persistent) domains_.erase(id);
  if (before) send_event(id, *before);
}

void World::foreign_start(const std::string& name) {
  start(domain(name));
  refresh(name);
}

// A transient domain is gone after its stop.
#define STOP_FROM_OUTSIDE(reason, before)          \
  auto& stopping = domain(name);                   \
  const auto id = stopping.snapshot.uuid;          \
  if (!stopping.snapshot.active()) return;         \
  stop(stopping, ShutoffReason::reason, {before}); \
  send(id)

void World::foreign_shutdown(const std::string& name) {
  STOP_FROM_OUTSIDE(shutdown, DomainEventKind::shutdown_by_guest);
}
void World::foreign_destroy(const std::string& name) {
  STOP_FROM_OUTSIDE(destroyed, DomainEventKind::shutdown_by_host);
}
void World::foreign_save(const std::string& name) { STOP_FROM_OUTSIDE(saved, std::nullopt); }
void World::kill_qemu(const std::string& name) { STOP_FROM_OUTSIDE(failed, std::nullopt); }
void World::terminate_qemu(const std::string& name) { STOP_FROM_OUTSIDE(shutdown, DomainEventKind::shutdown_by_host); }
void World::panic(const std::string& name) { STOP_FROM_OUTSIDE(crashed, DomainEventKind::panicked); }
#undef STOP_FROM_OUTSIDE

void World::foreign_pause(const std::string& name) {
  auto& snapshot = domain(name).snapshot;
  if (snapshot.state == DomainState::paused) return;        // libvirt leaves it as it is, with its reason
  if (snapshot.state == DomainState::pm_suspended) return;  // it refuses that
  snapshot.state = DomainState::paused, snapshot.state_reason = "user", snapshot.pause_reason = PauseReason::user;
  event(name, DomainEventKind::paused);
  send_run_state(uuid(name));
}

void World::foreign_save_begins(const std::string& name) {
  auto& snapshot = domain(name).snapshot;
  snapshot.state = DomainState::paused, snapshot.state_reason = "saving", snapshot.pause_reason = PauseReason::job;
  snapshot.in_job = true;
  event(name, DomainEventKind::paused);
  refresh(name);
}

void World::kill_for_memory(const std::string& name) {
  supervisor_->on_memory_kill(now());
  collect();
  kill_qemu(name);
}

void World::boxes(bool open) {
  supervisor_->on_boxes(open, now());
  collect();
}

void World::foreign_resume(const std::string& name) {
  auto& snapshot = domain(name).snapshot;
  snapshot.state = DomainState::running, snapshot.state_reason = "unpaused", snapshot.pause_reason = PauseReason::none;
  event(name, DomainEventKind::resumed);
  send_run_state(uuid(name));
}

void World::fall_asleep(const std::string& name) {
  auto& snapshot = domain(name).snapshot;
  snapshot.state = DomainState::pm_suspended, snapshot.state_reason = "unknown";
  refresh(name);
}

void World::fill_disk(const std::string& name, const std::string& file) {
  auto& snapshot = domain(name).snapshot;
  snapshot.state = DomainState::paused, snapshot.state_reason = "I/O error";
  snapshot.pause_reason = PauseReason::io_error;
  snapshot.disk_error = "disk vda (" + file + "): no space left";
  snapshot.disk_error_path = file;
  refresh(name);
}

void World::set_flag(const std::string& name, bool enable) {
  domain(name).snapshot.autostart = enable;  // libvirt has no event for it
  refresh(name);
}

void World::set_policy(const std::string& name, const nlohmann::json& policy) { set_policy_text(name, policy.dump()); }

void World::set_policy_text(const std::string& name, std::optional<std::string> text) {
  domain(name).snapshot.policy_text = std::move(text);
  refresh(name);
}

void World::connect_agent(const std::string& name) {
  domain(name).snapshot.agent_connected = true;
  event(name, DomainEventKind::agent_connected);
}

void World::answer_tcp(const std::string& name) {
  REQUIRE_MESSAGE(supervisor_->probes().contains(uuid(name)), "nobody asks whether " << name << " answers");
  supervisor_->on_tcp_ready(uuid(name), now());
  collect();
}

void World::facts(const HostFacts& facts) {
  supervisor_->on_facts(facts, now());
  collect();
}

void World::lasting_read(const nlohmann::json& lasting) {
  supervisor_->on_lasting_read(lasting, now());
  collect();
}

void World::configure(Config config) {
  config_ = config;
  supervisor_->on_config(std::move(config), now());
  collect();
}

void World::refresh(const std::string& name) { send(uuid(name)); }

void World::event(const std::string& name, DomainEventKind kind) { send_event(uuid(name), kind); }

void World::send(const std::string& id) {
  if (!connected_) return;
  const auto found = domains_.find(id);
  supervisor_->on_domain(id, found == domains_.end() ? std::nullopt : std::optional(found->second.snapshot), now());
  collect();
}

void World::send_run_state(const std::string& id) {
  if (!connected_) return;
  supervisor_->on_run_state(id, domains_.at(id).snapshot, now());
  collect();
}

void World::send_event(const std::string& id, DomainEventKind kind, std::string name) {
  if (!connected_) return;
  DomainEvent event{id, kind, std::move(name)};
  if (const auto found = domains_.find(id); found != domains_.end())
    event.name = found->second.snapshot.name, event.id = found->second.snapshot.id;
  supervisor_->on_domain_event(event, now());
  collect();
}

VmSpec running(const nlohmann::json& policy) { return {.policy = policy, .running = true}; }

World with(const VmSpec& spec) {
  World world;
  world.define("a", spec);
  world.connect();
  return world;
}

}  // namespace virtsession
