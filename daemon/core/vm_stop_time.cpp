// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/guest_save.hpp"
#include "core/stop_actions.hpp"
#include "core/vm.hpp"
#include "core/vm_stop.hpp"

#include <algorithm>
#include <utility>

// How long the actions of one VM's stop may take. What they do is in vm_stop.cpp.

namespace virtsession {
namespace {

constexpr Duration kAbortTakes = std::chrono::seconds(3);
/// How fast a save is shows with its first progress: it is not aborted for a guess before.
constexpr Duration kSpeedShows = kSaveProgressInterval * 3 / 2;
/// Less is not worth a change of what was planned.
constexpr Duration kWorthWaiting = std::chrono::seconds(1);

}  // namespace

/// What is last has all the time there is; but a guest that may ignore its button is given up in time.
bool VmStop::is_forced() const { return actions_.size() == 1 && actions_.front() != StopAction::shutdown; }

StopTime VmStop::time_of_action(const Vm& vm) const {
  return stop_time(actions_.front(), actions_.size() == 1, vm.policy().stop_timeout_sec, save_takes_now(vm));
}

StopLeft VmStop::time_left(const Vm& vm, SteadyTime now, bool anew) const {
  StopLeft left{.uuid = vm.uuid(), .to_come = time_of_actions(vm), .save_is_guessed = !save_speed_is_known(vm)};
  if (anew || stage_ != Stage::acts) return left;
  left.under_way = aborted_ ? StopTime{} : time_of_action(vm);
  left.to_come -= time_of_action(vm);
  left.had = now - begun_;
  left.given = std::max(expected_ - now, Duration{});
  return left;
}

/// \return nothing for a save that would only be begun and aborted
std::optional<Duration> VmStop::time_to_act(const Vm& vm, const StopTerms& terms, Moment now) const {
  const auto time = terms.share(vm, now.steady).of(time_of_action(vm));
  if (actions_.front() != StopAction::save || is_forced()) return time;
  if (!save_speed_is_known(vm)) return std::max(time, kSpeedShows);
  return time < kWorthWaiting && time < save_takes_now(vm) ? std::nullopt : std::optional(time);
}

/// The last action has all the time there is, but others do not wait for it when that would cost them theirs.
bool VmStop::is_late(Vm& vm, const StopTerms& terms, Moment now) {
  if (overdue_ || !is_forced() || now.steady < expected_ || until_ == SteadyTime::max()) return false;
  expected_ = now.steady + kWorthWaiting;
  overdue_ = terms.share(vm, now.steady).patience < 1;
  if (overdue_) tell(vm, {}, terms, now);
  return overdue_;
}

/// It gets what it would be given now, if others have left time since it began, and a guest that is powered off next
/// gets also what costs nobody anything. A guest that can be saved is not asked for longer than planned: that would
/// only hold up the end.
bool VmStop::may_go_on(const Vm& vm, const StopTerms& terms, Moment now) {
  if (shutdown_ && actions_.size() > 1 && actions_[1] == StopAction::save) return false;
  const auto time = time_of_action(vm);
  auto until = begun_ + terms.share(vm, now.steady).of(time);
  if (shutdown_)
    until = std::max(until, std::min(begun_ + StopShare{}.of(time), now.steady + terms.spare(vm, now.steady)));
  if (aborted_ || terms.hurried() || until < now.steady + kWorthWaiting) return false;
  until_ = expected_ = until;
  if (shutdown_) shutdown_->set_until(until_);
  return true;
}

/// \return whether another action follows
bool VmStop::time_is_up(Vm& vm, const StopTerms& terms, Moment now) {
  if (is_forced()) {
    until_ = look_again_ = SteadyTime::max();  // what else could be done?
    return false;
  }
  if (may_go_on(vm, terms, now)) return go_on(vm, terms, now);
  if (saves_ && !std::exchange(aborted_, true)) {
    until_ = look_again_ = expected_ = now.steady + kAbortTakes;
    send(vm, {.uuid = vm.uuid(), .call = call::AbortJob{}}, terms, now);
    return false;
  }
  next_action(vm, "not in time", terms, now);
  return true;
}

void VmStop::cut(const Vm& vm, const StopShare& share, const StopTerms& terms, Moment now) {
  if (ended() || queued() || aborted_) return;
  expected_ = std::min(expected_, now.steady + share.of(time_of_action(vm)));
  const auto end = stage_ == Stage::waits ? now.steady + share.of(time_of_actions(vm))
                   : is_forced()          ? terms.last_call()
                                          : expected_;
  until_ = std::min(until_, end);
  if (shutdown_) shutdown_->set_until(until_);
  look_again_ = std::min(look_again_, until_);
}

std::optional<SteadyTime> VmStop::wake(bool ends_session) const {
  auto first = SteadyTime::max();
  if (stage_ != Stage::queued) first = std::min(first, until_);
  const bool may_be_late = is_forced() && !overdue_ && until_ != SteadyTime::max();
  if (stage_ == Stage::acts) first = std::min({first, look_again_, may_be_late ? expected_ : first});
  if (ends_session)
    for (const auto& [id, limit] : unanswered_) first = std::min(first, limit);
  return first == SteadyTime::max() ? std::nullopt : std::optional(first);
}

}  // namespace virtsession
