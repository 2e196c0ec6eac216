// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm.hpp"

#include "core/config.hpp"
#include "core/history.hpp"

#include <utility>

namespace virtsession {

Vm::Vm(const Context& context, DomainSnapshot domain, std::function<void()> mark)
    : context_(context), mark_(std::move(mark)), domain_(std::move(domain)) {
  read_policy();
}

DomainSnapshot Vm::take_in(DomainSnapshot domain) {
  touch();
  auto before = std::exchange(domain_, std::move(domain));
  if (before.policy_text != domain_.policy_text || before.policy_error != domain_.policy_error) read_policy();
  return before;
}

void Vm::read_policy() {
  touch();
  const auto before = policy();
  const bool problems_changed = policy_.read(domain_, context_.config.defaults, context_.policies);
  if (start_) start_->on_policy(before, policy());
  if (!problems_changed) return;
  if (policy_.problems().empty()) return withdraw_notice(*this, Incident::bad_policy);
  const auto text = to_text(policy_.problems());
  journal(*this, Incident::bad_policy, "its policy has errors, and what is wrong is not used: " + text);
  notify(*this, Incident::bad_policy, text);
}

void Vm::enter(Phase phase, std::string reason, const Cause& cause, Moment now, bool told) {
  const bool phase_changed = status_.phase != phase || status_.reason.empty();
  const bool was_kept = status_.phase == phase && status_.since_usec > 0;  // by an instance before
  if (phase_changed || status_.reason != reason) touch();
  status_.phase = phase;
  status_.reason = std::move(reason);
  if (!phase_changed) return;
  if (!was_kept) status_.since_usec = now.wall_usec;
  context_.history.add({now.wall_usec, uuid(), name(), phase, status_.reason, to_text(cause)});
  if (!told)
    journal(*this, Incident::phase, std::string(to_text(phase)) + " (" + status_.reason + ")", cause.who.client);
}

void Vm::restore(const VmStatus& status) {
  status_ = status;
  touch();
}

void Vm::want(Intent intent) {
  if (std::exchange(status_.intent, intent) != intent) touch();
}

void Vm::set_error(std::string text) {
  if (status_.last_error == text) return;
  status_.last_error = std::move(text);
  touch();
}

void Vm::set_lasting(const VmLasting& lasting) {
  const auto speed = lasting.save_kib_per_sec;
  if (speed > 0 && speed != lasting_.save_kib_per_sec) context_.save_kib_per_sec = speed;
  if (std::exchange(lasting_, lasting) != lasting) touch();
}

void Vm::set_run(std::optional<Run> run) {
  run_ = std::move(run);
  touch();
}

void Vm::set_start(std::optional<VmStart> start) {
  start_ = std::move(start);
  touch();
}

void Vm::set_stop(std::optional<VmStop> stop) {
  stop_ = std::move(stop);
  touch();
}

void Vm::set_hold(std::optional<VmHold> hold) {
  hold_ = std::move(hold);
  touch();
}

bool policy_starts(const Vm& vm) {
  if (!vm.domain().persistent || vm.status().intent == Intent::down) return false;
  switch (vm.policy().start) {
    case StartWhen::never:
      return false;
    case StartWhen::was_running:
      return true;
    case StartWhen::flag:
      break;
  }
  return vm.domain().autostart;
}

bool has_forwards(const Vm& vm) {
  const auto& domain = vm.domain();
  return !vm.policy().ports.empty() || !domain.forwards.empty() || !domain.next_forwards.empty() ||
         !domain.own_forwards.empty() || (vm.run() && !vm.run()->own_forwards().empty());
}

void journal(const Vm& vm, Incident incident, std::string text, std::string client) {
  vm.context().outbox.put(JournalEntry{incident, vm.uuid(), vm.name(), std::move(text), std::move(client)});
}

void notify(const Vm& vm, Incident incident, std::string text) {
  vm.context().outbox.put(Notice{incident, vm.uuid(), vm.name(), std::move(text)});
}

void withdraw_notice(const Vm& vm, Incident incident) { vm.context().outbox.put(WithdrawNotice{incident, vm.uuid()}); }

}  // namespace virtsession
