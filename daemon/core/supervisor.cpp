// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/supervisor.hpp"

#include "core/forward_plan.hpp"
#include "core/guest_save.hpp"
#include "core/keep.hpp"
#include "core/saved_by_others.hpp"
#include "core/unstick.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

namespace virtsession {

Supervisor::Supervisor(Config config, const KeptState& kept, std::uint32_t seed)
    : Supervisor(std::move(config), from_state(kept), seed) {}

Supervisor::Supervisor(Config config, Kept kept, std::uint32_t seed)
    : config_(std::move(config)),
      history_(static_cast<std::size_t>(config_.history_size)),
      backoff_(seed),
      past_(std::move(kept.vms), std::move(kept.lasting), kept.first_listed_usec),
      start_run_(context_, vms_, kept.autostart_begun, kept.up),
      battery_run_(context_, vms_, kept.power) {
  vms_.set_first_listed(kept.first_listed_usec);
  if (kept.stop) stop_run_.resume(*kept.stop, std::move(kept.up));
  stop_run_.wait_for_unseen(past_.has_unseen_runs());
}

bool Supervisor::is_in_stop(const KeptState& kept) {
  const auto stop = from_state(kept).stop;
  return stop && stop->cause.kind == CauseKind::session_end;
}

// Events.

void Supervisor::on_listed(const std::vector<DomainSnapshot>& domains, Moment now) {
  connected_ = true;
  if (vms_.first_listed_usec() == 0) vms_.set_first_listed(now.wall_usec);
  std::set<std::string> seen, newcomers;
  for (const auto& domain : domains) {
    seen.insert(domain.uuid);
    if (auto* vm = vms_.find(domain.uuid)) {
      update(*vm, domain, now);
    } else {
      if (!past_.was_here(domain.uuid, now)) newcomers.insert(domain.uuid);
      add(domain, false, now);
    }
  }
  for (const auto& uuid : uuids())
    if (!seen.contains(uuid)) remove(uuid, now);
  definitions_.settle_all();
  past_.on_listed();
  stop_run_.wait_for_unseen(false);
  const bool starts = config_.autostart && !stop_run_.forbids_starts();
  start_run_.on_newcomers(newcomers, starts, now);
  start_run_.on_first_list(starts, now);
  start_run_.check_dependencies();
  advance(now);
}

void Supervisor::on_lasting_read(const nlohmann::json& lasting, Moment now) {
  auto kept = from_state({.lasting = lasting});
  past_.learn(std::move(kept.lasting), vms_);
  stop_run_.learn_up(kept.up);
  start_run_.on_was_up(std::move(kept.up), config_.autostart && !stop_run_.forbids_starts(), now);
  advance(now);
}

void Supervisor::on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain, Moment now) {
  auto* vm = vms_.find(uuid);
  if (!domain) {
    if (vm) remove(uuid, now);
  } else if (vm) {
    update(*vm, *domain, now);
  } else {
    add(*domain, true, now);
  }
  const bool as_known = domain.has_value() == (vm != nullptr);
  if (as_known) definitions_.settle(uuid);
  start_run_.check_dependencies();
  advance(now);
}

void Supervisor::on_run_state(const std::string& uuid, const DomainRunState& state, Moment now) {
  auto* vm = vms_.find(uuid);
  if (!vm || !state.active() || vm->domain().id != state.id) return;
  if (static_cast<const DomainRunState&>(vm->domain()) == state && !has_heard(*vm)) {  // the event after our call
    judge(*vm, vm->domain(), around(*vm, now), now);
  } else {
    auto domain = vm->domain();
    static_cast<DomainRunState&>(domain) = state;
    update(*vm, domain, now);
  }
  advance(now);
}

void Supervisor::on_domain_event(const DomainEvent& event, Moment now) {
  auto* vm = vms_.find(event.uuid);
  // What we change in a definition ourselves is nobody's news.
  const bool ours = event.kind == DomainEventKind::defined && calls_.has(event.uuid, OperationKind::define_forwards);
  if (!ours) definitions_.on_event(event, vm, past_.was_here(event.uuid, now), now);
  if (!vm) return;
  if (hear(*vm, event, now)) vms_.touch(event.uuid);
  if (event.kind == DomainEventKind::agent_connected || event.kind == DomainEventKind::agent_disconnected) {
    auto domain = vm->domain();
    domain.agent_connected = event.kind == DomainEventKind::agent_connected;
    vm->take_in(std::move(domain));
  }
  if (event.kind == DomainEventKind::rebooted) {
    if (vm->run()) vm->run()->on_rebooted(now);
    stop_run_.on_rebooted(*vm, now);
  }
  advance(now);
}

void Supervisor::on_operation_done(OperationId id, const Result<void>& result, Moment now) {
  const auto call = calls_.take(id);
  if (!call) return;  // of a connection that is gone: its requests were answered then
  auto& vm = vms_.at(call->operation.uuid);
  if (is_lifecycle(call->operation)) expect_echoes(vm, now);
  if (forwards_.on_call_done(vm, *call, result, now)) return advance(now);
  const auto kind = call->operation.kind();
  auto answer = result;
  if (!stop_run_.on_call_done(vm, *call, result, now) &&
      !sleep_run_.on_call_done(vm, id, result, stop_run_.forbids_starts(), now) &&
      !battery_run_.on_call_done(vm, id, result, stop_run_.forbids_starts(), now)) {
    // Another client may have been faster, and the VM is as it was wanted.
    const bool stops = kind == OperationKind::shutdown || kind == OperationKind::power_off;
    if (vm.domain().active() ? kind == OperationKind::start : stops) answer = {};
    if (answer) {
      requests_.on_done(vm, *call, around(vm, now), now);
    } else {
      requests_.on_failed(vm, *call, result.error(), now);
      if (kind == OperationKind::start) start_failed(vm, result.error(), now);
    }
  }
  answers_.close(CallEnds{id}, answer);
  advance(now);
}

/// Nothing is tried again while it is being stopped, or all are.
void Supervisor::start_failed(Vm& vm, const Error& error, Moment now) {
  if ((stop_run_.forbids_starts() || vm.is_stopping()) && vm.start()) {
    vm.start()->call_lost();
    stop_run_.drop_start(vm, now);
  }
  start_run_.on_failed(vm, error, now);
}

void Supervisor::on_libvirt_lost(Moment now) {
  connected_ = false;
  const Error lost{ErrorCode::libvirt_unavailable, "the connection to libvirt was lost"};
  for (auto& [uuid, vm] : vms_.all()) {
    vms_.touch(uuid);
    bool shutdown_unsure = false;
    for (const auto& call : calls_.drop(uuid)) {
      answers_.close(CallEnds{call.operation.id}, lost);
      shutdown_unsure |= call.operation.kind() == OperationKind::shutdown;
    }
    // A guest that was asked goes on shutting down; whether this one was asked, nobody knows.
    if (shutdown_unsure) end_off_wait(vm, lost);
    if (vm.start()) vm.start()->call_lost();
  }
  stop_run_.on_libvirt_lost(now);
  sleep_run_.on_libvirt_lost();
  battery_run_.on_libvirt_lost();
  forwards_.on_libvirt_lost();
  requests_.on_libvirt_lost();
}

void Supervisor::on_libvirt_silent(const Error& why) {
  for (const auto id : calls_.in_flight()) answers_.close(CallEnds{id}, why);
  for (const auto& [uuid, vm] : vms_.all()) answers_.close(GuestIsAsked{uuid}, why);
}

void Supervisor::on_request(RequestId id, const VmRequest& request, Moment now) {
  if (const auto checked = check(request); !checked) return answers_.give(id, checked);
  if (request.kind == RequestKind::stop)
    stop_run_.on_request(id, request, now);
  else if (request.kind == RequestKind::start && request.by_policy)
    start_run_.on_request(id, request, now);
  else
    requests_.make(id, request, now);
  advance(now);
}

void Supervisor::on_autostart_request(RequestId request, bool wait, const Caller& caller, Moment now) {
  if (stop_run_.forbids_starts()) return answers_.give(request, Error{ErrorCode::shutting_down, starts_forbidden()});
  if (!connected_)
    return answers_.give(request, Error{ErrorCode::libvirt_unavailable, "there is no connection to libvirt"});
  const auto cause = asked_by(caller);
  for (auto& [uuid, vm] : vms_.all())
    if (vm.status().phase == Phase::gave_up && start_run_.wants(vm)) requests_.reset_failed(vm, cause, now);
  start_run_.begin(cause, now);
  if (wait)
    answers_.open(request, StartsSettle{});
  else
    answers_.give(request, {});
  advance(now);
}

void Supervisor::on_config(Config config, Moment now) {
  config_ = std::move(config);
  history_.set_size(static_cast<std::size_t>(config_.history_size));
  for (auto& [uuid, vm] : vms_.all()) vm.read_policy();
  start_run_.dependencies_stale();
  start_run_.check_dependencies();
  advance(now);
}

void Supervisor::on_facts(const HostFacts& facts, Moment now) {
  facts_ = facts;
  advance(now);
}

void Supervisor::on_boxes(bool open, Moment now) {
  if (boxes_.open && !open) boxes_.closed = now.steady;
  boxes_.open = open;
  advance(now);
}

void Supervisor::on_tcp_ready(const std::string& uuid, Moment now) {
  auto* vm = vms_.find(uuid);
  if (!vm || !vm->run()) return;
  vm->run()->readiness().on_tcp_answer();
  advance(now);
}

void Supervisor::on_job_progress(const std::string& uuid, const JobProgress& progress, Moment now) {
  auto* vm = vms_.find(uuid);
  if (!vm || progress.total_bytes == 0) return;
  const auto text = " (" + std::to_string(progress.per_cent()) + " %)";
  on_save_progress(*vm, progress, now);
  if (vm->is_stopping())
    stop_run_.on_progress(*vm, text, now);
  else
    requests_.on_progress(*vm, text, now);
  if (vm->status().phase != Phase::saving || !vm->run()) return;
  vm->run()->saving().set_progress(progress.per_cent());
  vms_.touch(uuid);
}

void Supervisor::on_scope(const std::string& uuid, const std::string& scope, std::uint64_t started_usec) {
  auto* vm = vms_.find(uuid);
  if (!vm || !vm->run()) return;
  vm->run()->set_scope(scope);
  vm->run()->learn_start(started_usec);
  vms_.touch(uuid);
}

void Supervisor::on_stop_all(RequestId request, bool wait, const Caller& caller, std::optional<SteadyTime> deadline,
                             Moment now) {
  if (session_over()) return answers_.give(request, Error{ErrorCode::shutting_down, "the session has ended"});
  if (!connected_)
    return answers_.give(request, Error{ErrorCode::libvirt_unavailable, "there is no connection to libvirt"});
  stop_run_.begin(asked_by(caller), deadline, now);
  if (wait)
    answers_.open(request, StopEnds{});
  else
    answers_.give(request, {});
  advance(now);
}

void Supervisor::on_session_end(SteadyTime deadline, Moment now) {
  stop_run_.end_session(deadline, up_for_next_login(vms_, start_run_), now);
  advance(now);
}

void Supervisor::on_hurry(Moment now) {
  stop_run_.hurry(now);
  advance(now);
}

void Supervisor::on_qemu_ended(const std::string& uuid, Moment now) {
  if (auto* vm = vms_.find(uuid)) stop_run_.on_qemu_ended(*vm);
  advance(now);
}

void Supervisor::on_sleep(bool begins, Moment now) {
  if (begins)
    sleep_run_.begin(stop_run_.forbids_starts(), now);
  else
    sleep_run_.end(now);
  advance(now);
}

/// The runs never call each other: they take their turns here.
void Supervisor::advance(Moment now) {
  stop_run_.advance(now);
  requests_.advance(now);  // after it: a guest that a stop has let go may have been asked by somebody before
  requests_.ask_addresses(now);
  forwards_.advance(stop_run_.forbids_starts(), now);
  if (stop_run_.forbids_starts() || !connected_) return;  // nothing is started while VMs are stopped
  sleep_run_.advance(now);
  if (!sleep_run_.host_sleeps()) battery_run_.advance(now);
  resume_unstuck(context_, vms_, now);
  resume_after_boxes(context_, vms_, now);
  start_run_.advance(now);
}

std::string Supervisor::starts_forbidden() const {
  if (!stop_run_.forbids_starts()) return {};
  return "all VMs are being stopped " + reason_text(stop_run_.cause());
}

Surroundings Supervisor::around(const Vm& vm, Moment now) const {
  // After the kernel has killed a QEMU, libvirt tells in a moment that it is off.
  const bool memory_ran_out = memory_killed_ && now.steady < *memory_killed_ + std::chrono::seconds(10);
  return {stop_run_.forbids_starts(), memory_ran_out, start_run_.missing_text(vm)};
}

// VMs as libvirt has them.

void Supervisor::add(const DomainSnapshot& domain, bool just_now, Moment now) {
  auto& vm = vms_.add(domain);
  const Sighting how{just_now, definitions_.take_defined(domain.uuid)};
  start_run_.dependencies_stale();
  if (past_.recall(vm, how, around(vm, now), now)) stop_run_.resume(vm);
}

void Supervisor::update(Vm& vm, const DomainSnapshot& domain, Moment now) {
  const auto before = vms_.take_in(vm, domain);
  const auto flags = [](const DomainSnapshot& d) {
    return std::tie(d.name, d.autostart, d.autostart_once, d.persistent, d.policy_text, d.policy_error);
  };
  if (flags(before) != flags(domain) || before.active() != domain.active()) start_run_.dependencies_stale();
  judge(vm, before, around(vm, now), now);
}

void Supervisor::remove(const std::string& uuid, Moment now) {
  auto& vm = vms_.at(uuid);
  const Error gone{ErrorCode::no_such_vm, "VM \"" + vm.name() + "\" is gone"};
  for (const auto& call : calls_.drop(uuid))  // a transient VM goes with its stop
    answers_.close(CallEnds{call.operation.id}, is_stop(call.operation.kind()) ? Result<void>() : Result<void>(gone));
  end_off_wait(vm, Result<void>());
  const bool in_history = definitions_.take_undefined(uuid);
  if (!stop_run_.on_gone(vm, now) && !in_history)
    history_.add({now.wall_usec, uuid, vm.name(), Phase::inactive, "removed from libvirt",
                  to_text(Cause{CauseKind::other_client})});
  for (const auto incident : {Incident::gave_up, Incident::bad_policy, Incident::stuck}) withdraw_notice(vm, incident);
  past_.on_removed(vm, now);
  vms_.remove(uuid);
  start_run_.dependencies_stale();
}

// What the owner has to arrange for.

std::optional<SteadyTime> Supervisor::wake() const {
  std::optional<SteadyTime> first;
  const auto consider = [&](std::optional<SteadyTime> when) {
    if (when) first = first ? std::min(*first, *when) : *when;
  };
  consider(stop_run_.wake());
  consider(requests_.wake());
  if (!connected_ || stop_run_.forbids_starts()) return first;
  consider(start_run_.wake());
  consider(sleep_run_.wake());
  if (!sleep_run_.host_sleeps()) consider(battery_run_.wake());
  consider(unstick_wake(context_, vms_));
  consider(forwards_.wake());
  return first;
}

WantedFacts Supervisor::wanted_facts() const {
  auto wanted = start_run_.wanted_facts();
  add_room_wanted(wanted, vms_);
  battery_run_.add_wanted(wanted);
  return wanted;
}

std::map<std::string, TcpProbe> Supervisor::probes() const {
  return connected_ ? tcp_probes(vms_) : std::map<std::string, TcpProbe>();
}

const KeptState& Supervisor::kept_state() {
  return kept_states_.next(kept_of(vms_, past_, start_run_, stop_run_, battery_run_));
}

Result<std::string> Supervisor::find_vm(const std::string& name_or_uuid) const {
  if (const auto* vm = vms_.find_by_name_or_uuid(name_or_uuid)) return vm->uuid();
  return Error{ErrorCode::no_such_vm, "no VM of this user has the name or uuid \"" + name_or_uuid + "\""};
}

VmView Supervisor::view(const std::string& uuid) const {
  const auto& vm = vms_.at(uuid);
  auto problems = start_run_.dependency_problems(uuid);
  if (auto problem = sleep_run_.problem(vm)) problems.push_back(*std::move(problem));
  std::ranges::move(battery_run_.problems(vm), std::back_inserter(problems));
  for (auto& problem : forwards_.problems(uuid)) problems.push_back(std::move(problem));
  auto view = view_of(vm, problems, connected_);
  view.forwards = forwards_.views(uuid);
  std::ranges::move(addresses_of(view.forwards), std::back_inserter(view.addresses));
  return view;
}

}  // namespace virtsession
