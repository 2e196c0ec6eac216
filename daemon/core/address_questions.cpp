// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/address_questions.hpp"

#include "core/answers.hpp"
#include "core/list_text.hpp"
#include "core/vms.hpp"

#include <algorithm>
#include <chrono>

namespace virtsession {
namespace {

/// Within the 25 s that most callers wait for.
constexpr Duration kPatience = std::chrono::seconds(20);

OperationId ask(Vm& vm, const call::ReadAddresses& question, const Cause& cause, Moment now) {
  vm.run()->addresses().on_asked(question, now.steady);
  return vm.context().calls.send({.uuid = vm.uuid(), .call = question}, cause);
}

/// The newest question that is in flight and asks for all of `wanted`.
std::optional<OperationId> shared_question(const Vm& vm, const call::ReadAddresses& wanted) {
  const auto asked = vm.context().calls.of_kind(vm.uuid(), OperationKind::read_addresses);
  if (asked.empty()) return std::nullopt;
  const auto& question = std::get<call::ReadAddresses>(asked.back()->operation.call);
  if ((wanted.agent && !question.agent) || (wanted.arp && !question.arp)) return std::nullopt;
  return asked.back()->operation.id;
}

/// Whether it may be asked by itself, now or later. A guest that shuts down, or whose VM is a program's own, is not
/// disturbed, nor one that is being asked.
bool may_be_asked(const Vm& vm) {
  const auto& context = vm.context();
  return context.connected && vm.run() && !vm.is_stopping() && !vm.run()->off_wait().deadline() &&
         !vm.domain().appliance && !context.calls.has(vm.uuid(), OperationKind::read_addresses);
}

}  // namespace

void AddressQuestions::on_request(Vm& vm, RequestId request, Moment now) {
  auto& answers = context_.answers;
  if (!vm.domain().active() || !vm.run())
    return answers.give(request, Error{ErrorCode::operation_failed,
                                       "VM " + in_quotes(vm.name()) + " does not run: it has no addresses"});
  const auto question = RunAddresses::question(vm.domain());
  if (!question) return answers.give(request, {});
  auto call = shared_question(vm, *question);
  if (!call) call = ask(vm, *question, {CauseKind::request}, now);
  answers.open(request, CallEnds{*call}, now.steady + kPatience);
}

void AddressQuestions::advance(Moment now) {
  // Also those about a VM that was switched off meanwhile.
  for (const auto* call : context_.calls.of_kind(OperationKind::read_addresses)) {
    const auto& name = vms_.at(call->operation.uuid).name();
    const Error late{ErrorCode::timed_out, "the guest agent of VM " + in_quotes(name) + " has not answered"};
    context_.answers.expire(CallEnds{call->operation.id}, now.steady, late);
  }
  for (Vm& vm : vms_.attended()) {
    if (!may_be_asked(vm)) continue;
    const auto due = vm.run()->addresses().due(vm.domain());
    if (due && *due <= now.steady) ask(vm, *RunAddresses::question(vm.domain()), {CauseKind::policy}, now);
  }
}

std::optional<SteadyTime> AddressQuestions::wake() const {
  std::optional<SteadyTime> first;
  const auto consider = [&](std::optional<SteadyTime> when) {
    if (when) first = first ? std::min(*first, *when) : *when;
  };
  for (const auto* call : context_.calls.of_kind(OperationKind::read_addresses))
    consider(context_.answers.first_deadline(CallEnds{call->operation.id}));
  for (const Vm& vm : vms_.attended())
    if (may_be_asked(vm)) consider(vm.run()->addresses().due(vm.domain()));
  return first;
}

}  // namespace virtsession
