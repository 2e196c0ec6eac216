// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vm_requests.hpp"

#include "core/answers.hpp"
#include "core/guest_save.hpp"
#include "core/list_text.hpp"
#include "core/vm_life.hpp"
#include "core/vms.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {
namespace {

constexpr Duration kShutdownWait = std::chrono::seconds(60);

OperationKind operation_of(RequestKind kind) {
  switch (kind) {
    case RequestKind::start:
      return OperationKind::start;
    case RequestKind::shutdown:
      return OperationKind::shutdown;
    case RequestKind::save:
      return OperationKind::save;
    case RequestKind::power_off:
      return OperationKind::power_off;
    case RequestKind::reboot:
      return OperationKind::reboot;
    case RequestKind::pause:
      return OperationKind::pause;
    case RequestKind::resume:
      return OperationKind::resume;
    case RequestKind::set_autostart:
      return OperationKind::set_autostart;
    case RequestKind::set_autostart_once:
      return OperationKind::set_autostart_once;
    case RequestKind::stop:
    case RequestKind::set_policy:
    case RequestKind::clear_policy:
    case RequestKind::reset_failed:
    case RequestKind::list_addresses:
      break;
  }
  return OperationKind::set_policy;
}

bool is_lifecycle(RequestKind kind) {
  switch (kind) {
    case RequestKind::start:
    case RequestKind::shutdown:
    case RequestKind::save:
    case RequestKind::power_off:
    case RequestKind::reboot:
    case RequestKind::pause:
    case RequestKind::resume:
      return true;
    case RequestKind::stop:  // waits for what libvirt is at
    case RequestKind::set_autostart:
    case RequestKind::set_autostart_once:
    case RequestKind::set_policy:
    case RequestKind::clear_policy:
    case RequestKind::reset_failed:
    case RequestKind::list_addresses:
      break;
  }
  return false;
}

/// A stop of all asks the guest itself, in its own time; one that stands still for the host's sleep is not to be woken.
bool is_to_be_asked(const Vm& vm) {
  const bool sleeps = vm.hold() && vm.hold()->why().kind == CauseKind::host_sleeps;
  return vm.context().connected && !vm.stop() && !sleeps;
}

std::string quoted(const Vm& vm) { return "VM " + in_quotes(vm.name()); }

/// Nothing was seen of the run that its start has begun, also while a stop waits for the end of that call.
bool is_starting(const Vm& vm) {
  return vm.status().phase == Phase::starting || (vm.start() && vm.start()->stage() == StartStage::starting);
}

}  // namespace

Result<void> VmRequests::check(const VmRequest& request, const std::string& starts_forbidden) const {
  const auto* vm = vms_.find(request.uuid);
  if (!vm) return Error{ErrorCode::no_such_vm, "no VM has the uuid \"" + request.uuid + "\""};
  if (request.kind == RequestKind::reset_failed) return {};
  if (request.kind == RequestKind::start && !starts_forbidden.empty())
    return Error{ErrorCode::shutting_down, starts_forbidden};
  if (!context_.connected) return Error{ErrorCode::libvirt_unavailable, "there is no connection to libvirt"};
  if (const auto moved = why_moved_away(vm->domain()); request.kind == RequestKind::start && !moved.empty())
    return Error{ErrorCode::busy, quoted(*vm) + " is not started: " + moved};
  const bool is_flag = request.kind == RequestKind::set_autostart || request.kind == RequestKind::set_autostart_once;
  const bool is_policy = request.kind == RequestKind::set_policy || request.kind == RequestKind::clear_policy;
  if ((is_flag || is_policy) && !vm->domain().persistent)
    return Error{ErrorCode::not_supported, quoted(*vm) + " is transient: nothing of it outlives its run"};
  if (request.kind == RequestKind::set_autostart_once && !vm->domain().autostart_once)
    return Error{ErrorCode::not_supported, "autostart for once needs libvirt 11.2 or later"};
  if (is_policy)
    if (const auto text = vm->keys().after(vm->domain(), request, context_.calls.policy_change(request.uuid)); !text)
      return text.error();
  return {};
}

void VmRequests::make(RequestId id, const VmRequest& request, Moment now) {
  auto& vm = vms_.at(request.uuid);
  const auto* under_way = is_lifecycle(request.kind) ? context_.calls.lifecycle(vm.uuid()) : nullptr;
  if (under_way && under_way->operation.kind() != operation_of(request.kind))
    return context_.answers.give(id,
                                 Error{ErrorCode::busy, quoted(vm) + " is busy: libvirt is still asked to " +
                                                            std::string(to_text(under_way->operation.kind())) + " it"});
  switch (request.kind) {
    case RequestKind::start:
      return start(vm, id, request, now);
    case RequestKind::shutdown:
    case RequestKind::power_off:
      return stop(vm, id, request, now);
    case RequestKind::stop:
      break;  // StopRun's
    case RequestKind::save:
      return save(vm, id, request, now);
    case RequestKind::reboot:
    case RequestKind::pause:
    case RequestKind::resume:
    case RequestKind::set_autostart:
    case RequestKind::set_autostart_once:
      return plain(vm, id, request);
    case RequestKind::set_policy:
    case RequestKind::clear_policy:
      return policy(vm, id, request);
    case RequestKind::reset_failed:
      reset_failed(vm, asked_by(request.caller), now);
      return context_.answers.give(id, {});
    case RequestKind::list_addresses:
      return addresses_.on_request(vm, id, now);
  }
}

void VmRequests::start(Vm& vm, RequestId id, const VmRequest& request, Moment now) {
  auto& answers = context_.answers;
  if (const auto busy = start_obstacle(vm)) return answers.give(id, *busy);
  vm.want(Intent::up);
  if (vm.domain().active()) return answers.give(id, {});
  vm.restarts().reset();
  vms_.touch(vm.uuid());
  if (const auto* under_way = context_.calls.lifecycle(vm.uuid())) {
    if (request.wait)
      answers.open(id, CallEnds{under_way->operation.id});
    else
      answers.give(id, {});
    return;
  }
  if (vm.start()) vm.start()->taken_over();
  Operation operation{.uuid = vm.uuid(), .call = call::Start{request.paused, request.force_boot, request.bypass_cache}};
  const auto cause = asked_by(request.caller);
  const auto call = context_.calls.send(std::move(operation), cause);
  if (request.wait) answers.open(id, CallEnds{call});
  vm.enter(Phase::starting, reason_text(cause), cause, now);
  if (!request.wait) answers.give(id, {});
}

void VmRequests::stop(Vm& vm, RequestId id, const VmRequest& request, Moment now) {
  const auto cause = asked_by(request.caller);
  vm.want(Intent::down);
  if (!vm.domain().active()) {
    if (vm.start()) {
      vm.enter(Phase::inactive, "not started: stopped by " + request.caller.name, cause, now);
      vm.set_start({});
    }
    vm.set_hold({});
    return context_.answers.give(id, {});
  }
  vm.run()->end_for(cause);
  vm.run()->readiness().give_up();
  vm.enter(Phase::stopping,
           "asked to " + std::string(to_text(operation_of(request.kind))) + " by " + request.caller.name, cause, now);
  if (request.kind == RequestKind::shutdown) return shut_down(vm, id, request, now);
  Operation operation{.uuid = vm.uuid(), .call = call::PowerOff{request.graceful}};
  context_.answers.open(id, CallEnds{context_.calls.send(std::move(operation), cause)});
}

void VmRequests::shut_down(Vm& vm, RequestId id, const VmRequest& request, Moment now) {
  const auto deadline = now.steady + (request.timeout ? Duration(*request.timeout) : kShutdownWait);
  vm.run()->off_wait().begin(deadline, now);
  if (request.wait)
    context_.answers.open(id, VmIsOff{vm.uuid()}, deadline);
  else if (vm.run()->off_wait().shutdown()->asked())
    context_.answers.give(id, {});
  else
    context_.answers.open(id, GuestIsAsked{vm.uuid()});
  ask_guest(vm, now);
}

void VmRequests::ask_guest(Vm& vm, Moment now) {
  auto call = vm.run()->off_wait().shutdown()->advance(vm, now);
  if (call) context_.calls.send({.uuid = vm.uuid(), .call = *std::move(call)}, vm.run()->end_cause().value_or(Cause{}));
}

void VmRequests::save(Vm& vm, RequestId id, const VmRequest& request, Moment now) {
  auto& answers = context_.answers;
  if (!vm.domain().active()) {
    if (vm.hold()) vm.want(Intent::down);
    vm.set_hold({});  // it stays saved
    if (vm.domain().managed_save) return answers.give(id, {});
    return answers.give(id, Error{ErrorCode::operation_failed, quoted(vm) + " does not run: there is nothing to save"});
  }
  if (const auto* under_way = context_.calls.lifecycle(vm.uuid()))
    return answers.open(id, CallEnds{under_way->operation.id});
  vm.want(Intent::down);
  const auto cause = asked_by(request.caller);
  vm.run()->end_for(cause);
  vm.run()->readiness().give_up();
  const auto call = send_save(vm, request.bypass_cache, cause, now);
  answers.open(id, CallEnds{call});
  context_.calls.watch_save(call, now.steady + kSaveProgressInterval);
  on_progress(vm, {}, now);
}

void VmRequests::plain(Vm& vm, RequestId id, const VmRequest& request) {
  Operation operation{.uuid = vm.uuid(), .call = plain_call(operation_of(request.kind))};
  if (request.kind == RequestKind::set_autostart) operation.call = call::SetAutostart{request.enable};
  if (request.kind == RequestKind::set_autostart_once) operation.call = call::SetAutostartOnce{request.enable};
  context_.answers.open(id, CallEnds{context_.calls.send(std::move(operation), asked_by(request.caller))});
}

void VmRequests::policy(Vm& vm, RequestId id, const VmRequest& request) {
  const auto text = vm.keys().after(vm.domain(), request, context_.calls.policy_change(vm.uuid()));
  if (!text) return context_.answers.give(id, text.error());
  Operation operation{.uuid = vm.uuid(), .call = call::SetPolicy{}};
  if (!text->empty()) operation.call = call::SetPolicy{*text};
  context_.answers.open(id, CallEnds{context_.calls.send(std::move(operation), asked_by(request.caller))});
}

void VmRequests::reset_failed(Vm& vm, const Cause& cause, Moment now) {
  vm.restarts().reset();
  vms_.touch(vm.uuid());
  vm.set_error({});
  withdraw_notice(vm, Incident::gave_up);
  const bool waits_for_retry = vm.start() && vm.start()->stage() == StartStage::backoff;
  if (waits_for_retry) vm.set_start({});
  if (waits_for_retry || vm.status().phase == Phase::gave_up)
    vm.enter(Phase::inactive, "its failure was reset by " + to_text(cause), cause, now);
}

void VmRequests::on_done(Vm& vm, const PendingCall& call, const Surroundings& around, Moment now) {
  const bool active = vm.domain().active();
  switch (call.operation.kind()) {
    case OperationKind::start:
      // The state after the call came before its answer. Off all the while: it ended before libvirt was asked about it.
      if (active) {
        const bool paused = std::get<call::Start>(call.operation.call).paused;
        if (!paused && is_to_go_on(vm)) context_.calls.send({.uuid = vm.uuid(), .call = call::Resume{}}, call.cause);
        // A stop of all may have waited for the call, and have ended before it.
        if (!context_.calls.lifecycle(vm.uuid())) settle(vm, false, now);
        return;
      }
      if (!is_starting(vm)) return settle(vm, false, now);
      came_up(vm, call.cause, false, around, now);
      return went_down(vm, around, now);
    case OperationKind::resume:
      if (vm.run() && vm.run()->off_wait().shutdown()) vm.run()->off_wait().shutdown()->on_answer(vm, call, {}, now);
      [[fallthrough]];
    case OperationKind::save:
    case OperationKind::power_off:
    case OperationKind::pause:
    case OperationKind::reboot:
      if (call.operation.kind() == OperationKind::pause) vm.set_hold({});  // it stays paused
      if (active) settle_active(vm, call.cause, now);
      break;
    case OperationKind::shutdown:
      if (vm.run() && vm.run()->off_wait().shutdown())
        vm.run()->off_wait().shutdown()->on_answer(vm, call, {}, now);
      else  // asked for by a stop of all, which has ended: nobody waits for the guest
        settle(vm, false, now);
      context_.answers.close(GuestIsAsked{vm.uuid()}, {});
      break;
    case OperationKind::set_autostart:
    case OperationKind::set_autostart_once:
    case OperationKind::set_policy:
      break;
    case OperationKind::abort_job:
    case OperationKind::job_progress:
    case OperationKind::set_time:
    case OperationKind::read_addresses:
    case OperationKind::sync_forwards:
    case OperationKind::define_forwards:
      return;
  }
  const auto phase = vm.status().phase;
  if (phase != Phase::gave_up && phase != Phase::backoff) vm.set_error({});
}

void VmRequests::on_failed(Vm& vm, const PendingCall& call, const Error& error, Moment now) {
  const auto kind = call.operation.kind();
  if (kind == OperationKind::abort_job || kind == OperationKind::job_progress) return;  // of a job that has ended
  if (kind == OperationKind::read_addresses) return;                                    // of the guest, not of the VM
  if (kind == OperationKind::set_time)  // the guest's agent may be old; the VM runs on
    return journal(vm, Incident::phase, "its clock could not be set: " + error.message);
  auto* shutdown = vm.run() ? vm.run()->off_wait().shutdown() : nullptr;
  if (shutdown && (kind == OperationKind::shutdown || kind == OperationKind::resume)) {
    if (!shutdown->on_answer(vm, call, error, now).empty())
      give_up_shutdown(vm, error, "failed to " + std::string(to_text(kind)) + ": " + error.message, call.cause, now);
    return;
  }
  const auto text = "failed to " + std::string(to_text(kind)) + ": " + error.message;
  vm.set_error(text);
  if (kind == OperationKind::save) on_save_failed(vm, error);
  if (kind == OperationKind::start) return;
  if (vm.is_stopping()) return;  // it is stopped in other ways
  if (vm.run()) vm.run()->keep_running();
  if (is_stop(kind) && vm.domain().active()) {
    vm.want(Intent::up);
    settle_active(vm, call.cause, now);
  }
}

void VmRequests::on_progress(Vm& vm, const std::string& progress, Moment now) {
  if (const auto* call = context_.calls.watched_save(vm.uuid()))
    vm.enter(Phase::saving, "being saved" + progress + " " + purpose_text(call->cause), call->cause, now);
}

void VmRequests::on_addresses(const std::string& uuid, FoundAddresses found) {
  auto* vm = vms_.find(uuid);
  if (!vm || !vm->run() || vm->domain().id != found.id) return;
  vm->run()->addresses().learn(std::move(found));
  vms_.touch(uuid);
}

void VmRequests::advance(Moment now) {
  for (Vm& vm : vms_.attended()) {
    look_at_save(vm, now);
    look_at_shutdown(vm, now);
  }
}

void VmRequests::on_libvirt_lost() {
  for (Vm& vm : vms_.attended()) {
    if (!vm.run()) continue;
    vm.run()->addresses().ask_again();
    if (vm.run()->off_wait().shutdown()) vm.run()->off_wait().shutdown()->on_libvirt_lost();
  }
}

void VmRequests::look_at_save(Vm& vm, Moment now) {
  const auto* save = context_.calls.watched_save(vm.uuid());
  if (!save || now.steady < *save->look_again) return;
  const auto cause = save->cause;
  context_.calls.watch_save(save->operation.id, now.steady + kSaveProgressInterval);
  if (!context_.calls.has(vm.uuid(), OperationKind::job_progress))
    context_.calls.send({.uuid = vm.uuid(), .call = call::ReadProgress{}}, cause);
}

void VmRequests::look_at_shutdown(Vm& vm, Moment now) {
  if (!vm.run() || !vm.run()->off_wait().shutdown()) return;
  const Error late{ErrorCode::timed_out, in_quotes(vm.name()) + " did not shut down in the time it was given"};
  context_.answers.expire(VmIsOff{vm.uuid()}, now.steady, late);
  if (now.steady >= *vm.run()->off_wait().deadline())
    return give_up_shutdown(vm, late, late.message, {CauseKind::policy}, now);
  if (!is_to_be_asked(vm)) return;
  const Error asleep{ErrorCode::operation_failed, in_quotes(vm.name()) + " went to sleep instead of shutting down"};
  if (vm.run()->off_wait().shutdown()->fell_asleep(vm))
    return give_up_shutdown(vm, asleep, asleep.message, {CauseKind::policy}, now);
  ask_guest(vm, now);
}

void VmRequests::give_up_shutdown(Vm& vm, const Error& error, const std::string& text, const Cause& cause, Moment now) {
  end_off_wait(vm, error);
  if (vm.is_stopping()) return;
  vm.run()->keep_running();
  vm.set_error(text);
  vm.want(Intent::up);
  settle_active(vm, cause, now);
}

std::optional<SteadyTime> VmRequests::wake() const {
  auto first = addresses_.wake().value_or(SteadyTime::max());
  for (const Vm& vm : vms_.attended()) {
    if (const auto* save = context_.calls.watched_save(vm.uuid())) first = std::min(first, *save->look_again);
    if (!vm.run() || !vm.run()->off_wait().shutdown()) continue;
    first = std::min(first, *vm.run()->off_wait().deadline());
    if (is_to_be_asked(vm)) first = std::min(first, vm.run()->off_wait().shutdown()->wake());
    first = std::min(first, context_.answers.first_deadline(VmIsOff{vm.uuid()}).value_or(first));
  }
  return first == SteadyTime::max() ? std::nullopt : std::optional(first);
}

}  // namespace virtsession
