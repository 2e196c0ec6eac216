// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm_stop.hpp"

#include "core/answers.hpp"
#include "core/guest_save.hpp"
#include "core/list_text.hpp"
#include "core/stop_actions.hpp"
#include "core/vm.hpp"
#include "core/vm_life.hpp"

#include <algorithm>

namespace virtsession {
namespace {

/// libvirt answers within milliseconds, unless it hangs; QEMU may need a while to end. For an agent, libvirt waits 5 s
/// until it answers at all, and then 60 s for the guest to be off.
constexpr Duration kQuickAnswer = std::chrono::seconds(5);
constexpr Duration kSlowAnswer = std::chrono::seconds(20);
constexpr Duration kAgentAnswer = std::chrono::seconds(70);
/// A guest that sleeps is woken before it is saved; one that does not wake up is saved as it is.
constexpr Duration kWaking = std::chrono::seconds(5);

bool is_asleep(const Vm& vm) { return vm.domain().state == DomainState::pm_suspended; }

bool is_waking(const Vm& vm, Moment now) { return vm.run() && vm.run()->standstill().is_waking(now); }

}  // namespace

bool VmStop::advance(Vm& vm, const StopTerms& terms, Moment now) {
  if (ended()) return false;
  const bool active = vm.domain().active();
  ran_ |= active;
  if (!is_to_be_stopped(vm, terms.ends_session() || alone_)) {
    end(vm, active ? StopOutcome::undefined : ran_ ? outcome_of(vm.domain().shutoff_reason) : StopOutcome::not_started);
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
      return is_late(vm, terms, now) || go_on(vm, terms, now);
    case Stage::ended:
      break;
  }
  return false;
}

bool VmStop::pass_queue(Vm& vm, const StopTerms& terms, Moment now) {
  const bool stands_apart = leaves() || vm.domain().appliance;  // nobody waits for it, and it for nobody
  if (!stands_apart && !terms.may_begin(vm)) {
    const bool untouched = !vm.run() || !vm.run()->off_wait().deadline();
    if (vm.domain().active() && untouched && !vm.context().calls.lifecycle(vm.uuid()))
      vm.enter(Phase::stopping, "waits for its turn to be stopped " + reason_text(terms.cause()), terms.cause(), now);
    return false;
  }
  actions_ = possible_actions(vm, &failed_);  // as the VM is now
  if (terms.hurried()) hurry(vm, terms, now);
  begin_action(vm, terms, now);
  return true;
}

/// Begins the first of the actions that are left.
void VmStop::begin_action(Vm& vm, const StopTerms& terms, Moment now) {
  stage_ = Stage::waits;
  shutdown_.reset();
  saves_ = aborted_ = false;
  if (actions_.empty()) {
    const auto text = "could not be stopped" + failed_;
    vm.set_error(text);
    if (vm.run()) vm.run()->keep_running();
    vm.enter(phase_of_active(vm), text, terms.cause(), now);
    return end(vm, StopOutcome::left_running);
  }
  overdue_ = false;
  until_ = now.steady + terms.share(vm, now.steady).of(time_of_actions(vm));
  if (vm.context().connected) act(vm, terms, now);
}

void VmStop::act(Vm& vm, const StopTerms& terms, Moment now) {
  const auto action = actions_.front();
  if (action == StopAction::leave) {
    const std::string how = terms.ends_session() ? ": systemd ends it with the session, without a shutdown" : "";
    if (vm.domain().active())  // one that is still starting may never come up
      vm.enter(phase_of_active(vm), "left running, as its policy says" + how, terms.cause(), now);
    return end(vm, StopOutcome::left_running);
  }
  const auto* call = vm.context().calls.exclusive(vm.uuid());
  if (call || vm.domain().in_job) {
    const auto what = call ? "to " + std::string(to_text(call->operation.kind())) + " it" : vm.domain().state_reason;
    return vm.enter(Phase::stopping, "waits until libvirt has ended its work on it (" + what + ")", terms.cause(), now);
  }
  if (aborted_) return next_action(vm, "not in time", terms, now);  // and libvirt was lost since
  if (action == StopAction::save && !save_obstacle(vm).empty()) return next_action(vm, save_obstacle(vm), terms, now);
  const auto time = time_to_act(vm, terms, now);
  if (!time) return next_action(vm, "there is no time for it", terms, now);
  begun_ = now.steady;
  expected_ = now.steady + *time;
  until_ = is_forced() ? terms.last_call() : expected_;
  stage_ = Stage::acts;
  overdue_ = false;
  if (auto* run = vm.run()) {
    run->readiness().give_up();
    run->end_for(terms.cause());
  }
  look_again_ = until_;
  switch (action) {
    case StopAction::shutdown:
      shutdown_tried_ = true;
      if (!shutdown_) shutdown_ = GuestShutdown(until_, now);
      shutdown_->set_until(until_);
      shutdown_->on_libvirt_lost();
      return ask_guest(vm, terms, now);
    case StopAction::save:
      if (!is_asleep(vm)) return save(vm, terms, now);
      look_again_ = now.steady + kWaking;
      send(vm, {.uuid = vm.uuid(), .call = call::Resume{}}, terms, now);
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
  const bool by_agent = shutdown_ && shutdown_->by_agent();
  auto text = std::string("the guest is asked to shut down by its ") + (by_agent ? "agent" : "power button");
  if (action == StopAction::save) text = "is being saved";
  if (action != StopAction::poweroff && is_asleep(vm)) text = "the guest is woken up";
  if (action == StopAction::poweroff) text = "is powered off";
  text += progress + " " + reason_text(terms.cause()) + failed_;
  if (overdue_) text += "; it takes longer than planned, and others go on";
  vm.enter(action == StopAction::save ? Phase::saving : Phase::stopping, text, terms.cause(), now);
}

void VmStop::save(Vm& vm, const StopTerms& terms, Moment now) {
  saves_ = true;
  look_again_ = now.steady + kSaveProgressInterval;
  unanswered_[send_save(vm, false, terms.cause(), now)] = SteadyTime::max();
  tell(vm, {}, terms, now);
}

void VmStop::ask_guest(Vm& vm, const StopTerms& terms, Moment now) {
  if (auto call = shutdown_->advance(vm, now)) {
    send(vm, {.uuid = vm.uuid(), .call = *std::move(call)}, terms, now);
    tell(vm, {}, terms, now);
  }
  look_again_ = shutdown_->wake();
}

void VmStop::send(Vm& vm, Operation operation, const StopTerms& terms, Moment now) {
  auto limit = now.steady + kQuickAnswer;
  if (operation.kind() == OperationKind::power_off) limit = now.steady + kSlowAnswer;
  const auto* shutdown = std::get_if<call::Shutdown>(&operation.call);
  if (shutdown && shutdown->way == ShutdownWay::agent) limit = now.steady + kAgentAnswer;
  unanswered_[vm.context().calls.send(std::move(operation), terms.cause())] = limit;
}

/// \return whether another action follows
bool VmStop::go_on(Vm& vm, const StopTerms& terms, Moment now) {
  const auto& calls = vm.context().calls;
  switch (actions_.front()) {
    case StopAction::shutdown:
      if (shutdown_->fell_asleep(vm)) {
        next_action(vm, "the guest went to sleep instead", terms, now);
        return true;
      }
      ask_guest(vm, terms, now);
      break;
    case StopAction::save:
      if (!saves_) {
        const bool sleeps = is_asleep(vm) && now.steady < look_again_;
        if (calls.exclusive(vm.uuid()))
          look_again_ = std::max(look_again_, now.steady + kSaveProgressInterval);  // libvirt is at it
        else if (!sleeps)
          save(vm, terms, now);
      } else if (now.steady >= look_again_) {
        look_again_ = std::min(until_, now.steady + kSaveProgressInterval);
        if (!calls.has(vm.uuid(), OperationKind::job_progress))
          send(vm, {.uuid = vm.uuid(), .call = call::ReadProgress{}}, terms, now);
      }
      break;
    case StopAction::poweroff:
    case StopAction::leave:
      look_again_ = until_;
      break;
  }
  return false;
}

void VmStop::next_action(Vm& vm, const std::string& why, const StopTerms& terms, Moment now) {
  const auto failed = actions_.front();
  failed_ += "; " + std::string(to_text(failed)) + ": " + why;
  actions_.erase(actions_.begin());
  if (!terms.hurried() && is_to_be_asked_first(vm, failed)) actions_.insert(actions_.begin(), StopAction::shutdown);
  begin_action(vm, terms, now);
}

/// What was to be saved is not to lose its work because that failed: there may be time for a shutdown.
bool VmStop::is_to_be_asked_first(const Vm& vm, StopAction failed) const {
  return failed == StopAction::save && !shutdown_tried_ && actions_ == std::vector{StopAction::poweroff} &&
         shutdown_obstacle(vm).empty();
}

void VmStop::end(const Vm& vm, std::optional<StopOutcome> outcome) {
  stage_ = Stage::ended;
  started_again_ = false;
  outcome_ = outcome;
  Result<void> result;
  if (!outcome)
    result = Error{ErrorCode::interrupted, in_quotes(vm.name()) + " was started again while it was being stopped"};
  else if (*outcome == StopOutcome::left_running || *outcome == StopOutcome::not_in_time)
    result = Error{ErrorCode::operation_failed, in_quotes(vm.name()) + " still runs: " + vm.status().reason};
  vm.context().answers.close(VmStopEnds{vm.uuid()}, result);
}

void VmStop::on_gone(const Vm& vm) {
  if (ended()) return;
  if (terminated_) return end(vm, StopOutcome::terminated);
  if (vm.run() && vm.run()->guest_ended_it()) return end(vm, StopOutcome::shut_down);
  // QEMU may be gone before libvirt has told that it was ended by a signal.
  const bool powers_off = stage_ == Stage::acts && actions_.front() == StopAction::poweroff;
  const bool by_host = vm.run() && vm.run()->host_ended_it();
  end(vm, powers_off || by_host ? StopOutcome::powered_off : StopOutcome::ended_otherwise);
}

bool VmStop::on_call_done(Vm& vm, const PendingCall& call, const Result<void>& result, const StopTerms& terms,
                          Moment now) {
  if (unanswered_.erase(call.operation.id) == 0) return false;
  if (stage_ != Stage::acts || terminated_ || !vm.domain().active()) return true;
  const auto action = actions_.front();
  switch (call.operation.kind()) {
    case OperationKind::shutdown:
    case OperationKind::resume:
      if (action == StopAction::save && !result) look_again_ = now.steady;  // it cannot be woken
      if (action != StopAction::shutdown) break;
      if (const auto why = shutdown_->on_answer(vm, call, result, now); !why.empty()) next_action(vm, why, terms, now);
      break;
    case OperationKind::save:
      if (result) break;
      if (!aborted_) on_save_failed(vm, result.error());
      next_action(vm, aborted_ ? "not in time" : result.error().message, terms, now);
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
    case OperationKind::read_addresses:
    case OperationKind::sync_forwards:
    case OperationKind::define_forwards:
      break;
  }
  return true;
}

void VmStop::on_progress(Vm& vm, const std::string& progress, const StopTerms& terms, Moment now) {
  if (stage_ == Stage::acts && saves_ && !terminated_ && !aborted_) tell(vm, progress, terms, now);
}

/// A guest that was asked to shut down and boots instead will not do better the next time.
void VmStop::on_rebooted(Vm& vm, const StopTerms& terms, Moment now) {
  if (stage_ != Stage::acts || terminated_ || is_asleep(vm) || is_waking(vm, now)) return;
  if (actions_.front() == StopAction::shutdown) next_action(vm, "the guest started again instead", terms, now);
}

void VmStop::on_libvirt_lost() {
  unanswered_.clear();
  saves_ = false;
  if (stage_ == Stage::acts) stage_ = Stage::waits;
}

void VmStop::hurry(Vm& vm, const StopTerms& terms, Moment now) {
  if (terminated_ || actions_.size() < 2) return;
  const bool saves = stage_ == Stage::acts && saves_;
  actions_.erase(actions_.begin() + (saves ? 1 : 0), actions_.end() - 1);
  failed_ += "; somebody did not want to wait";
  if (saves)
    until_ = aborted_ ? until_ : now.steady;
  else if (stage_ != Stage::queued)
    begin_action(vm, terms, now);
}

bool VmStop::is_to_terminate(const Vm& vm) const {
  if (ended() || terminated_ || !vm.domain().active()) return false;
  if (actions_.empty() || leaves()) return actions_.empty();
  // A save that is all that is left may still end well.
  return !vm.context().connected || stage_ != Stage::acts || actions_.front() != StopAction::save ||
         actions_.size() > 1;
}

void VmStop::terminate(Vm& vm, const StopTerms& terms, Moment now) {
  terminated_ = true;
  if (vm.run()) vm.run()->end_for(terms.cause());
  vm.context().outbox.put(TerminateQemu{vm.uuid(), vm.name()});
  // It syncs its disks then, which is better than what comes at the deadline.
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

}  // namespace virtsession
