// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm_stop.hpp"

#include "core/stop_actions.hpp"
#include "core/vm.hpp"

#include <algorithm>

namespace virtsession {
namespace {

/// libvirt answers within milliseconds, unless it hangs; QEMU may need a while to end. For an agent, libvirt waits 5 s
/// until it answers at all, and then 60 s for the guest to be off.
constexpr Duration kQuickAnswer = std::chrono::seconds(5);
constexpr Duration kSlowAnswer = std::chrono::seconds(20);
constexpr Duration kAgentAnswer = std::chrono::seconds(70);
constexpr Duration kAbortTakes = std::chrono::seconds(3);
/// A guest that boots does not see its button, and is not to be bothered all the time.
constexpr Duration kPressMost = std::chrono::seconds(10);
constexpr Duration kPressLeast = std::chrono::seconds(1);
constexpr Duration kSaveProgressInterval = std::chrono::seconds(1);

StopOutcome outcome_of(ShutoffReason reason) {
  switch (reason) {
    case ShutoffReason::shutdown:
      return StopOutcome::shut_down;
    case ShutoffReason::saved:
      return StopOutcome::saved;
    case ShutoffReason::destroyed:
      return StopOutcome::powered_off;
    case ShutoffReason::none:
    case ShutoffReason::unknown:
    case ShutoffReason::crashed:
    case ShutoffReason::migrated:
    case ShutoffReason::failed:
    case ShutoffReason::from_snapshot:
    case ShutoffReason::daemon:
      break;
  }
  return StopOutcome::ended_otherwise;
}

}  // namespace

bool VmStop::advance(Vm& vm, const StopTerms& terms, Moment now) {
  if (ended()) return false;
  const bool active = vm.domain().active();
  ran_ |= active;
  if (!is_to_be_stopped(vm)) {
    end(active ? StopOutcome::undefined : ran_ ? outcome_of(vm.domain().shutoff_reason) : StopOutcome::not_started);
    return true;
  }
  if (terminated_) return false;
  switch (stage_) {
    case Stage::queued:
      return pass_queue(vm, terms, now);
    case Stage::waits:
      act(vm, terms, now);
      if (stage_ != Stage::waits) return true;
      if (now.steady < until_) return false;
      until_ = SteadyTime::max();
      return overdue_ = true;
    case Stage::acts:
      if (now.steady >= until_) return time_is_up(vm, terms, now);
      if (now.steady >= look_again_) look_again(vm, terms, now);
      return false;
    case Stage::ended:
      break;
  }
  return false;
}

bool VmStop::pass_queue(Vm& vm, const StopTerms& terms, Moment now) {
  if (!leaves() && !terms.may_begin(vm)) {  // nobody waits for one that is left running
    const bool untouched = !vm.run() || !vm.run()->off_by();
    if (vm.domain().active() && untouched && !vm.context().calls.lifecycle(vm.uuid()))
      vm.enter(Phase::stopping, "waits for its turn to be stopped " + reason_text(terms.cause()), terms.cause(), now);
    return false;
  }
  actions_ = possible_actions(vm, &failed_);  // as the VM is now
  if (terms.hurried()) hurry(vm, terms, now);
  begin_action(vm, terms, now);
  return true;
}

/// What is last has all the time there is; but a guest that may ignore its button is given up in time.
bool VmStop::is_forced() const { return actions_.size() == 1 && actions_.front() != StopAction::shutdown; }

StopTime VmStop::time_of_action(const Vm& vm) const {
  return stop_time(actions_.front(), actions_.size() == 1, vm.policy().stop_timeout_sec, vm.domain().memory_kib);
}

StopTime VmStop::time_of_actions(const Vm& vm) const {
  StopTime sum;
  for (const auto& action : actions_)
    sum += stop_time(action, &action == &actions_.back(), vm.policy().stop_timeout_sec, vm.domain().memory_kib);
  return sum;
}

StopTime VmStop::time_left(const Vm& vm, SteadyTime now, bool anew) const {
  auto sum = time_of_actions(vm);
  if (anew || stage_ != Stage::acts) return sum;
  sum -= time_of_action(vm);
  sum.given = std::max(expected_ - now, Duration{});
  return sum;
}

/// Begins the first of the actions that are left.
void VmStop::begin_action(Vm& vm, const StopTerms& terms, Moment now) {
  stage_ = Stage::waits;
  asked_agent_ = asked_ = by_agent_ = aborted_ = false;
  if (actions_.empty()) {
    const auto text = "could not be stopped" + failed_;
    vm.set_error(text);
    if (vm.run()) vm.run()->keep_running();
    vm.enter(Phase::running, text, terms.cause(), now);
    return end(StopOutcome::left_running);
  }
  overdue_ = false;
  until_ = now.steady + terms.fit(now.steady).of(time_of_actions(vm));
  if (vm.context().connected) act(vm, terms, now);
}

void VmStop::act(Vm& vm, const StopTerms& terms, Moment now) {
  const auto action = actions_.front();
  if (action == StopAction::leave) {
    vm.enter(Phase::running, "left running, as its policy says", terms.cause(), now);
    return end(StopOutcome::left_running);
  }
  const auto* call = vm.context().calls.exclusive(vm.uuid());
  if (call || vm.domain().in_job) {
    const auto what = call ? "to " + std::string(to_text(call->operation.kind())) + " it" : vm.domain().state_reason;
    return vm.enter(Phase::stopping, "waits until libvirt has ended its work on it (" + what + ")", terms.cause(), now);
  }
  if (aborted_) return next_action(vm, "not in time", terms, now);  // and libvirt was lost since
  expected_ = now.steady + terms.fit(now.steady).of(time_of_action(vm));
  until_ = is_forced() ? terms.last_call() : expected_;
  press_every_ = std::clamp((until_ - now.steady) / 4, kPressLeast, kPressMost);
  stage_ = Stage::acts;
  overdue_ = false;
  if (auto* run = vm.run()) {
    run->forgo_readiness();
    run->end_for(terms.cause());
  }
  look_again_ = until_;
  switch (action) {
    case StopAction::shutdown:
      if (vm.domain().state == DomainState::paused)
        send(vm, {.uuid = vm.uuid(), .call = call::Resume{}}, terms, now);
      else
        press_button(vm, terms, now);
      break;
    case StopAction::save:
      look_again_ = now.steady + kSaveProgressInterval;
      send(vm, {.uuid = vm.uuid(), .call = call::Save{}}, terms, now);
      break;
    case StopAction::poweroff:
      if (!failed_.empty()) journal(vm, Incident::forced, "is powered off " + reason_text(terms.cause()) + failed_);
      send(vm, {.uuid = vm.uuid(), .call = call::PowerOff{}}, terms, now);
      break;
    case StopAction::leave:
      break;
  }
  tell(vm, {}, terms, now);
}

void VmStop::tell(Vm& vm, const std::string& progress, const StopTerms& terms, Moment now) {
  const auto action = actions_.front();
  auto text = std::string("the guest is asked to shut down by its ") + (by_agent_ ? "agent" : "power button");
  if (action == StopAction::save) text = "is being saved";
  if (action == StopAction::poweroff) text = "is powered off";
  vm.enter(action == StopAction::save ? Phase::saving : Phase::stopping,
           text + progress + " " + reason_text(terms.cause()) + failed_, terms.cause(), now);
}

SteadyTime VmStop::next_press(SteadyTime now) const { return std::min(until_, now + press_every_); }

/// Through its agent first, if it has one; an agent that does not help is not asked again.
void VmStop::press_button(Vm& vm, const StopTerms& terms, Moment now) {
  by_agent_ = vm.domain().agent_connected && !std::exchange(asked_agent_, true);
  look_again_ = next_press(now.steady);
  send(vm, {.uuid = vm.uuid(), .call = call::Shutdown{by_agent_ ? ShutdownWay::agent : ShutdownWay::acpi}}, terms, now);
  tell(vm, {}, terms, now);
}

void VmStop::send(Vm& vm, Operation operation, const StopTerms& terms, Moment now) {
  auto limit = now.steady + kQuickAnswer;
  if (operation.kind() == OperationKind::power_off) limit = now.steady + kSlowAnswer;
  const auto* shutdown = std::get_if<call::Shutdown>(&operation.call);
  if (shutdown && shutdown->way == ShutdownWay::agent) limit = now.steady + kAgentAnswer;
  if (operation.kind() == OperationKind::save) limit = SteadyTime::max();
  unanswered_[vm.context().calls.send(std::move(operation), terms.cause())] = limit;
}

void VmStop::look_again(Vm& vm, const StopTerms& terms, Moment now) {
  const auto& calls = vm.context().calls;
  switch (actions_.front()) {
    case StopAction::shutdown:
      if (calls.exclusive(vm.uuid()))
        look_again_ = until_;  // its answer brings the next
      else
        press_button(vm, terms, now);
      break;
    case StopAction::save:
      look_again_ = std::min(until_, now.steady + kSaveProgressInterval);
      if (!calls.has(vm.uuid(), OperationKind::job_progress))
        send(vm, {.uuid = vm.uuid(), .call = call::ReadProgress{}}, terms, now);
      break;
    case StopAction::poweroff:
    case StopAction::leave:
      look_again_ = until_;
      break;
  }
}

/// \return whether another action follows
bool VmStop::time_is_up(Vm& vm, const StopTerms& terms, Moment now) {
  if (is_forced()) {
    until_ = look_again_ = SteadyTime::max();  // what else could be done?
    return false;
  }
  if (actions_.front() == StopAction::save && !std::exchange(aborted_, true)) {
    until_ = look_again_ = expected_ = now.steady + kAbortTakes;
    send(vm, {.uuid = vm.uuid(), .call = call::AbortJob{}}, terms, now);
    return false;
  }
  next_action(vm, "not in time", terms, now);
  return true;
}

void VmStop::next_action(Vm& vm, const std::string& why, const StopTerms& terms, Moment now) {
  failed_ += "; " + std::string(to_text(actions_.front())) + ": " + why;
  actions_.erase(actions_.begin());
  begin_action(vm, terms, now);
}

void VmStop::end(std::optional<StopOutcome> outcome) {
  stage_ = Stage::ended;
  started_again_ = false;
  outcome_ = outcome;
}

bool VmStop::on_call_done(Vm& vm, const PendingCall& call, const Result<void>& result, const StopTerms& terms,
                          Moment now) {
  if (unanswered_.erase(call.operation.id) == 0) return false;
  if (stage_ != Stage::acts || terminated_ || !vm.domain().active()) return true;
  const auto action = actions_.front();
  switch (call.operation.kind()) {
    case OperationKind::shutdown:
      if (action == StopAction::shutdown)
        button_pressed(vm, std::get<call::Shutdown>(call.operation.call).way, result, terms, now);
      break;
    case OperationKind::resume:
      if (action != StopAction::shutdown) break;
      if (result)
        press_button(vm, terms, now);
      else
        next_action(vm, result.error().message, terms, now);
      break;
    case OperationKind::save:
      if (!result) next_action(vm, aborted_ ? "not in time" : result.error().message, terms, now);
      break;
    case OperationKind::power_off:
      if (!result) next_action(vm, result.error().message, terms, now);
      break;
    case OperationKind::start:
    case OperationKind::reboot:
    case OperationKind::pause:
    case OperationKind::set_autostart:
    case OperationKind::set_autostart_once:
    case OperationKind::set_policy:
    case OperationKind::abort_job:
    case OperationKind::job_progress:
    case OperationKind::set_time:
      break;
  }
  return true;
}

/// A guest that was asked once may be at it: that it cannot be asked again, or otherwise, is no reason to give it up.
void VmStop::button_pressed(Vm& vm, ShutdownWay way, const Result<void>& result, const StopTerms& terms, Moment now) {
  asked_ |= static_cast<bool>(result);
  const bool may_obey = asked_ || vm.context().calls.has(vm.uuid(), OperationKind::shutdown);
  if (way == ShutdownWay::agent && !result)
    look_again_ = now.steady;
  else if (!may_obey)
    next_action(vm, result.error().message, terms, now);
  else if (look_again_ == until_)
    look_again_ = next_press(now.steady);
}

void VmStop::on_progress(Vm& vm, const std::string& progress, const StopTerms& terms, Moment now) {
  if (stage_ != Stage::acts || terminated_ || aborted_) return;
  if (actions_.front() == StopAction::save) tell(vm, progress, terms, now);
}

/// A guest that was asked to shut down and boots instead will not do better the next time.
void VmStop::on_rebooted(Vm& vm, const StopTerms& terms, Moment now) {
  if (stage_ != Stage::acts || terminated_) return;
  if (actions_.front() == StopAction::shutdown) next_action(vm, "the guest started again instead", terms, now);
}

void VmStop::on_libvirt_lost() {
  unanswered_.clear();
  if (stage_ == Stage::acts) stage_ = Stage::waits;
}

void VmStop::hurry(Vm& vm, const StopTerms& terms, Moment now) {
  if (terminated_ || actions_.size() < 2) return;
  const bool saves = stage_ == Stage::acts && actions_.front() == StopAction::save;
  actions_.erase(actions_.begin() + (saves ? 1 : 0), actions_.end() - 1);
  failed_ += "; somebody did not want to wait";
  if (saves)
    until_ = aborted_ ? until_ : now.steady;
  else if (stage_ != Stage::queued)
    begin_action(vm, terms, now);
}

void VmStop::cut(const Vm& vm, const StopFit& fit, const StopTerms& terms, Moment now) {
  if (ended() || queued() || aborted_) return;
  expected_ = std::min(expected_, now.steady + fit.of(time_of_action(vm)));
  const auto end = stage_ == Stage::waits ? now.steady + fit.of(time_of_actions(vm))
                   : is_forced()          ? terms.last_call()
                                          : expected_;
  until_ = std::min(until_, end);
  look_again_ = std::min(look_again_, until_);
}

bool VmStop::is_to_terminate(const Vm& vm) const {
  if (ended() || terminated_ || !vm.domain().active() || !vm.domain().persistent) return false;
  if (actions_.empty()) return true;
  if (leaves()) return false;
  // A save that is all that is left may still end well.
  const bool saves = vm.context().connected && stage_ == Stage::acts && actions_.front() == StopAction::save;
  return !saves || actions_.size() > 1;
}

/// QEMU syncs its disks and ends on SIGTERM: better than what comes at the deadline.
void VmStop::terminate(Vm& vm, const StopTerms& terms, Moment now) {
  terminated_ = true;
  if (vm.run()) vm.run()->end_for(terms.cause());
  vm.context().outbox.put(TerminateQemu{vm.uuid(), vm.name()});
  const auto text = "QEMU is ended by SIGTERM: libvirt has not stopped it, and time is up" + failed_;
  journal(vm, Incident::forced, text);
  vm.enter(Phase::stopping, text, terms.cause(), now);
}

bool VmStop::is_unanswered(SteadyTime now) const {
  return !ended() && std::ranges::any_of(unanswered_, [&](const auto& call) { return now >= call.second; });
}

void VmStop::forgive_unanswered() {
  for (auto& [id, limit] : unanswered_) limit = SteadyTime::max();
}

std::optional<SteadyTime> VmStop::wake(bool ends_session) const {
  auto first = SteadyTime::max();
  if (stage_ != Stage::queued) first = std::min(first, until_);
  if (stage_ == Stage::acts) first = std::min(first, look_again_);
  if (ends_session)
    for (const auto& [id, limit] : unanswered_) first = std::min(first, limit);
  return first == SteadyTime::max() ? std::nullopt : std::optional(first);
}

}  // namespace virtsession
