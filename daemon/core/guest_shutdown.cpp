// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest_shutdown.hpp"

#include "core/calls.hpp"
#include "core/vm.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {
namespace {

/// A guest that runs is not to be bothered all the time; one that boots is asked again soon.
constexpr Duration kPressMost = std::chrono::seconds(10);
constexpr Duration kPressMostInBoot = std::chrono::seconds(2);
constexpr Duration kPressLeast = std::chrono::seconds(1);

bool stands_still(const Vm& vm) {
  return vm.domain().state == DomainState::paused || vm.domain().state == DomainState::pm_suspended;
}

}  // namespace

GuestShutdown::GuestShutdown(SteadyTime until, Moment now)
    : until_(until),
      look_at_(now.steady),
      press_every_(std::clamp((until - now.steady) / 4, kPressLeast, kPressMost)) {}

SteadyTime GuestShutdown::next_press(const Vm& vm, Moment now) const {
  const bool boots = vm.run() && vm.run()->boots(now);
  return now.steady + (boots ? std::min(press_every_, kPressMostInBoot) : press_every_);
}

std::optional<Call> GuestShutdown::advance(const Vm& vm, Moment now) {
  if (now.steady < look_at_) return std::nullopt;
  look_at_ = SteadyTime::max();  // the answer says when
  if (vm.context().calls.exclusive(vm.uuid())) {
    look_at_ = now.steady + kPressLeast;
    return std::nullopt;
  }
  if (stands_still(vm)) return call::Resume{};
  // An agent that does not help is not asked again, and what it is asked may take long: the button does not wait for
  // it.
  by_agent_ = vm.domain().agent_connected && !std::exchange(asked_agent_, true);
  if (by_agent_) look_at_ = next_press(vm, now);
  return call::Shutdown{by_agent_ ? ShutdownWay::agent : ShutdownWay::acpi};
}

/// A guest that was asked once may be at it: that it cannot be asked again, or otherwise, is no reason to give it up.
std::string GuestShutdown::on_answer(Vm& vm, const PendingCall& call, const Result<void>& result, Moment now) {
  const auto* shutdown = std::get_if<call::Shutdown>(&call.operation.call);
  if (!shutdown && result) {
    look_at_ = now.steady + (stands_still(vm) ? kPressLeast : Duration{});  // a guest needs a moment to wake up
    return {};
  }
  asked_ |= shutdown && result;
  if (asked_ && vm.run()) vm.run()->set_told_to_shut_down();
  if (shutdown && shutdown->way == ShutdownWay::agent && !result) {
    look_at_ = now.steady;
    return {};
  }
  const bool may_obey = asked_ || vm.context().calls.has(vm.uuid(), OperationKind::shutdown);
  if (!may_obey) return result.error().message;
  if (look_at_ == SteadyTime::max()) look_at_ = next_press(vm, now);
  return {};
}

bool GuestShutdown::fell_asleep(const Vm& vm) const { return asked_ && vm.domain().state == DomainState::pm_suspended; }

}  // namespace virtsession
