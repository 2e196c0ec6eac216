// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/forwards.hpp"

#include "core/backoff.hpp"
#include "core/vms.hpp"

#include <algorithm>

namespace virtsession {
namespace {

constexpr Duration kFirstWait = std::chrono::seconds(2);
constexpr Duration kLongestWait = std::chrono::seconds(60);

/// It runs, or stands still, and nothing is done with it.
bool is_settled(Phase phase) {
  return phase == Phase::running || phase == Phase::waiting_ready || phase == Phase::paused || phase == Phase::asleep ||
         phase == Phase::stuck;
}

/// Without those that wait for their next try, or that no try helps.
std::vector<Forward> due(const std::vector<Forward>& forwards, const std::vector<ForwardFailure>& failed, bool again) {
  std::vector<Forward> result;
  for (const auto& forward : forwards) {
    const auto* failure = failure_of(failed, forward);
    if (!failure || (again && failure->retry_helps)) result.push_back(forward);
  }
  return result;
}

bool waits(const std::vector<ForwardFailure>& failed) {
  return std::ranges::any_of(failed, &ForwardFailure::retry_helps);
}

}  // namespace

void Forwards::advance(bool all_stop, Moment now) {
  if (!context_.connected) return;
  find_vms();
  if (states_.empty()) return;
  note_runs(now);
  std::vector<ForwardLook> looks;
  looks.reserve(states_.size());
  ForwardClaims claims;
  for (auto& [uuid, state] : states_) {
    const auto& vm = vms_.at(uuid);
    looks.push_back({vm, state.known, wanted_forwards(vm.policy().ports, vm.domain(), state.known.chosen)});
    note_ours(looks.back());
    keep_ours(vm, state);
    claims.add(looks.back());
  }
  for (auto& look : looks) choose_ports(look, claims);
  for (const auto& look : looks) {
    auto& state = states_.at(look.vm.uuid());
    show(look.vm, state, look, claims);
    if (all_stop || !may_call(look.vm)) continue;
    define(look.vm, state, look, claims);
    sync(look.vm, state, look, claims, now);
  }
}

void Forwards::find_vms() {
  for (const Vm& vm : vms_.attended())
    if (has_forwards(vm)) states_.try_emplace(vm.uuid());
  std::erase_if(states_, [this](const auto& entry) {
    const auto* vm = vms_.find(entry.first);
    if (vm && has_forwards(*vm)) return false;
    if (vm) vms_.touch(entry.first);
    return true;
  });
}

/// What was known of a run dies with it; others may have its ports then.
void Forwards::note_runs(Moment now) {
  bool any_ended = false;
  for (auto& [uuid, state] : states_) {
    const auto& vm = vms_.at(uuid);
    const auto id = vm.domain().id;
    if (state.run == id) continue;
    any_ended |= state.run >= 0;
    state.known = {.ours = vm.run() ? vm.run()->own_forwards() : std::vector<Forward>(),
                   .not_defined = std::move(state.known.not_defined),
                   .chosen = std::move(state.known.chosen)};
    state.run = id;
    state.report.reset();
    state.again.reset();
    state.attempts = 0;
    state.unanswered = state.stale = false;
    state.told.clear();
  }
  if (!any_ended) return;
  for (auto& [uuid, state] : states_)
    if (state.again) state.again = now.steady;
}

/// Also of an instance of virtsessiond before this one.
void Forwards::note_ours(ForwardLook& look) {
  auto& ours = look.known.ours;
  if (!look.known.there) return;
  for (const auto& forward : *look.known.there) {
    const bool is_wanted = std::ranges::any_of(look.wanted, [&](const WantedForward& wanted) {
      return wanted.is_by(Forwarder::slirp) && wanted.by_alias() == forward;
    });
    if (is_wanted && std::ranges::find(ours, forward) == ours.end()) ours.push_back(forward);
  }
}

/// They are ours before the answer, which may be lost. The next one tells which of them are there.
void Forwards::note_asked(const Vm& vm, OfVm& state, const std::vector<Forward>& asked) {
  auto& ours = state.known.ours;
  for (const auto& forward : asked)
    if (std::ranges::find(ours, forward) == ours.end()) ours.push_back(forward);
  keep_ours(vm, state);
}

/// For an instance after this one.
void Forwards::keep_ours(const Vm& vm, const OfVm& state) {
  if (auto* run = vms_.at(vm.uuid()).run()) run->set_own_forwards(state.known.ours);
}

/// For QEMU when what is there is known; for passt before that.
void Forwards::choose_ports(ForwardLook& look, ForwardClaims& claims) {
  auto& known = look.known;
  for (auto& wanted : look.wanted) {
    if (wanted.spec->host.port != 0 || !wanted.impossible.empty()) continue;
    const bool by_passt = wanted.is_by(Forwarder::passt);
    const auto forward = by_passt ? wanted.by_mac() : wanted.by_alias();
    const auto* failure = wanted.host.port == 0 ? nullptr : failure_of(known.failed, forward);
    if (wanted.host.port != 0 && !(failure && failure->retry_helps)) continue;
    if (!by_passt && !known.there) continue;
    auto there = by_passt ? look.vm.domain().own_forwards : *known.there;
    std::erase_if(there, [&](const Forward& one) {
      return one.nic != forward.nic || std::ranges::any_of(look.wanted, [&](const WantedForward& other) {
               return &other != &wanted && other.host == one.host;
             });
    });
    const auto beside = claims.any_beside(look.vm);
    const auto taken = [&](const HostPort& host) {
      const bool failed =
          std::ranges::any_of(known.failed, [&](const ForwardFailure& one) { return overlap(one.forward.host, host); });
      const bool own = std::ranges::any_of(
          look.wanted, [&](const WantedForward& other) { return &other != &wanted && overlap(other.host, host); });
      return failed || own || beside(host);
    };
    wanted.host.port = choose_port(look.vm.uuid(), *wanted.spec, there, taken);
    known.chosen[wanted.spec->text] = wanted.host.port;
    claims.add(look, wanted);
  }
}

void Forwards::show(const Vm& vm, OfVm& state, const ForwardLook& look, const ForwardClaims& claims) {
  auto views = forward_views(vm.domain(), look.wanted, state.known, claims.rival_of(vm));
  if (views == state.views) return;
  state.views = std::move(views);
  vms_.touch(vm.uuid());
  if (vm.domain().active()) tell(vm, state);
}

void Forwards::tell(const Vm& vm, OfVm& state) {
  for (const auto& view : state.views) {
    if (view.spec.empty()) continue;
    const bool failed = view.state == ForwardState::failed || view.state == ForwardState::impossible;
    const auto told = state.told.find(view.spec);
    if (failed && (told == state.told.end() || told->second != view.reason)) {
      state.told[view.spec] = view.reason;
      journal(vm, Incident::no_forward, "ports: " + view.spec + " is not forwarded: " + view.reason);
    } else if (view.state == ForwardState::active && told != state.told.end()) {
      state.told.erase(told);
      journal(vm, Incident::phase, "ports: " + view.spec + " is forwarded now");
    }
  }
}

bool Forwards::may_call(const Vm& vm) const {
  const auto& calls = context_.calls;
  const auto& uuid = vm.uuid();
  if (calls.lifecycle(uuid) || calls.has(uuid, OperationKind::sync_forwards) ||
      calls.has(uuid, OperationKind::define_forwards))
    return false;
  if (!vm.domain().active()) return !is_being_moved(vm.domain());
  return is_settled(vm.status().phase) && !vm.is_stopping() && !vm.domain().in_job && vm.run() &&
         !vm.run()->off_wait().deadline() && !vm.run()->saving().begun();
}

void Forwards::define(const Vm& vm, const OfVm& state, const ForwardLook& look, const ForwardClaims& claims) {
  const auto& domain = vm.domain();
  if (!domain.persistent) return;
  auto call = missing_definition(domain, look.wanted, claims.holder_beside(vm));
  if (!call || state.defined == Defined{call->wanted, domain.own_forwards, domain.next_forwards}) return;
  context_.calls.send({.uuid = vm.uuid(), .call = *std::move(call)}, {CauseKind::policy});
}

void Forwards::sync(const Vm& vm, OfVm& state, const ForwardLook& look, const ForwardClaims& claims, Moment now) {
  if (!vm.domain().active()) return;
  const bool again = !state.again || now.steady >= *state.again;
  if (state.unanswered && !again) return;
  if (again) state.again.reset();
  auto call = missing_forwards(look.wanted, state.known, claims.rival_of(vm));
  if (state.stale && state.known.there) call = call::SyncForwards{};
  if (!call) return;
  call->add = due(call->add, state.known.failed, again);
  call->remove = due(call->remove, state.known.failed, again);
  if (state.known.there && !state.stale && call->add.empty() && call->remove.empty()) return;
  note_asked(vm, state, call->add);
  context_.calls.send({.uuid = vm.uuid(), .call = *std::move(call)}, {CauseKind::policy});
}

std::optional<SteadyTime> Forwards::wake() const {
  std::optional<SteadyTime> first;
  for (const auto& [uuid, state] : states_) {
    const auto* vm = state.again ? vms_.find(uuid) : nullptr;
    if (vm && may_call(*vm)) first = std::min(first.value_or(*state.again), *state.again);
  }
  return first;
}

void Forwards::on_report(const std::string& uuid, const ForwardReport& report) {
  if (const auto state = states_.find(uuid); state != states_.end()) state->second.report = report;
}

bool Forwards::on_call_done(const Vm& vm, const PendingCall& call, const Result<void>& result, Moment now) {
  const auto kind = call.operation.kind();
  const bool ours = kind == OperationKind::sync_forwards || kind == OperationKind::define_forwards;
  const auto found = states_.find(vm.uuid());
  if (found == states_.end()) return ours;
  auto& state = found->second;
  if (const auto* sync = std::get_if<call::SyncForwards>(&call.operation.call)) {
    on_synced(vm, state, *sync, result, now);
  } else if (const auto* define = std::get_if<call::DefineForwards>(&call.operation.call)) {
    state.known.not_defined = result ? "" : "the definition could not be changed: " + result.error().message;
    state.defined = {define->wanted, vm.domain().own_forwards, vm.domain().next_forwards};
  } else if (state.report && vm.domain().active()) {
    // Before a start: passt would have failed with the whole VM.
    note_runs(now);
    state.known.failed = state.report->failed;
  }
  state.report.reset();
  return ours;
}

void Forwards::on_synced(const Vm& vm, OfVm& state, const call::SyncForwards& call, const Result<void>& result,
                         Moment now) {
  if (!vm.domain().active() || state.run != vm.domain().id) return;  // it has ended meanwhile
  state.unanswered = !result;
  if (!result) {
    if (result.error().code == ErrorCode::not_supported) {
      state.known.unsupported = result.error().message;
      state.unanswered = false;
      return state.again.reset();
    }
    return try_later(state, now);
  }
  if (!state.report) return;
  if (state.report->there) {
    const auto& there = *state.report->there;
    state.known.there = there;
    std::erase_if(state.known.ours, [&](const Forward& one) { return std::ranges::find(there, one) == there.end(); });
    keep_ours(vm, state);
  }
  state.stale = false;
  auto& failed = state.known.failed;
  std::erase_if(failed, [&](const ForwardFailure& one) {
    return std::ranges::find(call.add, one.forward) != call.add.end() ||
           std::ranges::find(call.remove, one.forward) != call.remove.end();
  });
  failed.insert(failed.end(), state.report->failed.begin(), state.report->failed.end());
  if (waits(state.report->failed)) return try_later(state, now);
  if (waits(failed)) return;
  state.again.reset();
  state.attempts = 0;
}

void Forwards::try_later(OfVm& state, Moment now) {
  state.again = now.steady + context_.backoff.wait(state.attempts++, kFirstWait, kLongestWait);
}

void Forwards::on_libvirt_lost() {
  for (auto& [uuid, state] : states_) {
    state.stale = true;
    state.report.reset();
  }
}

std::vector<ForwardView> Forwards::views(const std::string& uuid) const {
  const auto state = states_.find(uuid);
  return state == states_.end() ? std::vector<ForwardView>() : state->second.views;
}

std::vector<Problem> Forwards::problems(const std::string& uuid) const {
  std::vector<Problem> problems;
  for (const auto& view : views(uuid))
    if (view.state == ForwardState::impossible && !view.spec.empty())
      problems.push_back(
          {"/ports", "ports: " + view.spec + " is not possible: " + view.reason, "", ProblemCode::not_possible});
  return problems;
}

}  // namespace virtsession
