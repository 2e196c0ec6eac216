// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/battery_run.hpp"

#include "core/calls.hpp"
#include "core/conditions.hpp"
#include "core/guest_save.hpp"
#include "core/hold.hpp"
#include "core/vms.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {
namespace {

bool held_for_battery(const Vm& vm) {
  if (!vm.hold()) return false;
  const auto kind = vm.hold()->why().kind;
  return kind == CauseKind::on_battery || kind == CauseKind::low_battery;
}

/// What its policy wants on that power.
HoldAction wanted_action(const Vm& vm, HostPower power) {
  const auto& policy = vm.policy();
  if (!vm.domain().persistent) return HoldAction::none;
  switch (power) {
    case HostPower::battery:
      return policy.on_battery;
    case HostPower::low_battery:
      return std::max(policy.on_battery, policy.on_low_battery);
    case HostPower::unknown:
    case HostPower::mains:
      break;
  }
  return HoldAction::none;
}

bool has_policy(const Vm& vm) { return wanted_action(vm, HostPower::low_battery) != HoldAction::none; }

Cause cause_of(HostPower power) {
  return {power == HostPower::low_battery ? CauseKind::low_battery : CauseKind::on_battery};
}

/// Whether libvirt or somebody else is at something with it, after which it may run.
bool is_busy(const Vm& vm) {
  const bool asleep = vm.hold() && !held_for_battery(vm);
  const bool shuts_down = vm.run() && vm.run()->off_wait().deadline();
  return asleep || shuts_down || vm.is_stopping() || vm.domain().in_job || vm.context().calls.lifecycle(vm.uuid());
}

bool starts(const Vm& vm) { return vm.context().calls.has(vm.uuid(), OperationKind::start); }

bool can_be_saved(const Vm& vm) {
  const auto state = vm.domain().state;
  return save_obstacle(vm).empty() && (state == DomainState::running || state == DomainState::paused);
}

Problem not_saved(const Vm& vm, const std::string& key, const std::string& when) {
  return {"/" + key, "it is paused, not saved, " + when + ": " + save_obstacle(vm), {}, ProblemCode::not_possible};
}

}  // namespace

/// Also while a VM is about to run: it may be paused as soon as it does.
bool BatteryRun::is_wanted() const {
  return std::ranges::any_of(vms_.attended(), [](const Vm& vm) {
    if (held_for_battery(vm)) return true;
    return has_policy(vm) && (vm.domain().active() || vm.hold() || vm.start() || starts(vm));
  });
}

void BatteryRun::add_wanted(WantedFacts& wanted) const {
  if (is_wanted()) wanted.ac_power = wanted.battery_charge = true;
}

/// Both have to be known: what is learnt later than the other would look like a change.
HostPower BatteryRun::seen() const {
  const auto& facts = context_.facts;
  if (!facts.on_ac_power || !facts.battery_charge) return HostPower::unknown;
  if (*facts.battery_charge == BatteryCharge::low) return HostPower::low_battery;
  return *facts.on_ac_power ? HostPower::mains : HostPower::battery;
}

void BatteryRun::look(Moment now) {
  const bool told = context_.facts.battery_charge != BatteryCharge::not_told;
  if (std::exchange(charge_is_told_, told) != told)
    for (const auto& uuid : vms_.uuids()) vms_.touch(uuid);
  if (!is_wanted()) {
    power_ = HostPower::unknown;
    change_.reset();
    return due_.clear();
  }
  const auto power = seen();
  // A battery that is low stays so until the host is on mains.
  const bool is_higher = power == HostPower::battery && power_ == HostPower::low_battery;
  if (power == HostPower::unknown || power == power_ || is_higher) return change_.reset();
  if (power_ == HostPower::unknown) {  // nothing has changed that anybody saw
    power_ = power;
    return;
  }
  if (!change_ || change_->to != power)
    change_ = Change{power, now.steady + (power == HostPower::low_battery ? Duration{} : kSettles)};
  if (now.steady >= change_->counts_at) change_to(power);
}

void BatteryRun::change_to(HostPower power) {
  power_ = power;
  change_.reset();
  due_.clear();
  for (const Vm& vm : vms_.attended()) {
    if ((vm.domain().active() || starts(vm)) && wanted_action(vm, power) != HoldAction::none) due_.insert(vm.uuid());
  }
}

void BatteryRun::advance(Moment now) {
  look(now);
  std::erase_if(due_, [&](const std::string& uuid) {
    auto* vm = vms_.find(uuid);
    return !vm || hold_due(*vm, now);
  });
  end_holds(now);
}

/// \return whether the VM is as it is to be, or cannot be
bool BatteryRun::hold_due(Vm& vm, Moment now) {
  const auto action = wanted_action(vm, power_);
  const auto& domain = vm.domain();
  if (action == HoldAction::none) return true;
  if (is_busy(vm)) return false;
  if (!domain.active()) return true;
  const auto cause = cause_of(power_);
  if (action == HoldAction::save && can_be_saved(vm)) {
    hold_by_save(vm, cause, now);
    return false;
  }
  if (domain.state != DomainState::running) return true;
  if (action == HoldAction::save)
    journal(vm, Incident::phase, "is paused " + purpose_text(cause) + ", not saved: " + save_obstacle(vm));
  hold_by_pause(vm, cause);
  return false;
}

void BatteryRun::end_holds(Moment now) {
  for (Vm& vm : vms_.attended()) {
    if (!held_for_battery(vm)) continue;
    if (power_ == HostPower::mains) give_up_hold(vm, "the host is on mains power again", now);
    const bool is_over = power_ == HostPower::mains || !has_policy(vm);
    if (is_over && !vm.hold()->under_way() && !vm.is_stopping())
      end_hold(vm, {power_ == HostPower::mains ? CauseKind::on_mains : CauseKind::policy}, now);
  }
}

bool BatteryRun::on_call_done(Vm& vm, OperationId id, const Result<void>& result, bool all_stop, Moment now) {
  if (!held_for_battery(vm) || !vm.hold()->waits_for(id)) return false;
  if (!result) due_.erase(vm.uuid());
  on_hold_answered(vm, result, power_ != HostPower::mains && context_.connected && !all_stop, now);
  return true;
}

/// Whether it was done shows when libvirt is back: until then it stays due.
void BatteryRun::on_libvirt_lost() {
  for (Vm& vm : vms_.attended())
    if (held_for_battery(vm)) vm.hold()->answered();
}

std::optional<SteadyTime> BatteryRun::wake() const {
  return change_ ? std::optional(change_->counts_at) : std::nullopt;
}

std::vector<Problem> BatteryRun::problems(const Vm& vm) const {
  std::vector<Problem> problems;
  if (!vm.domain().persistent) return problems;
  const auto& policy = vm.policy();
  const bool can_save = save_obstacle(vm).empty();
  if (policy.on_battery == HoldAction::save && !can_save)
    problems.push_back(not_saved(vm, "on_battery", "on battery power"));
  if (policy.on_low_battery == HoldAction::save && !can_save)
    problems.push_back(not_saved(vm, "on_low_battery", "on low battery"));
  if (policy.on_low_battery != HoldAction::none && !charge_is_told_)
    problems.push_back({"/on_low_battery",
                        "nothing is done on low battery: UPower (package upower), which tells of one, does not answer",
                        {},
                        ProblemCode::not_possible});
  return problems;
}

}  // namespace virtsession
