// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/action_runner.hpp"

#include "processes/vm_processes.hpp"
#include "util/log.hpp"
#include "util/message_ids.hpp"

#include <sys/epoll.h>

#include <utility>
#include <variant>

namespace virtsession {
namespace {

/// What the journal has of an incident: its MESSAGE_ID, if it has one, and how much it matters.
struct JournalKind {
  const char* message_id;
  log::Level level;
};

JournalKind journal_kind(Incident incident) {
  switch (incident) {
    case Incident::phase:
      return {nullptr, log::Level::info};
    case Incident::started:
      return {message_id::kVmStarted, log::Level::info};
    case Incident::start_failed:
      return {message_id::kVmStartFailed, log::Level::error};
    case Incident::crashed:
      return {message_id::kVmCrashed, log::Level::error};
    case Incident::gave_up:
      return {message_id::kVmGaveUp, log::Level::error};
    case Incident::not_ready:
      return {message_id::kVmNotReady, log::Level::warning};
    case Incident::stopping:
      return {message_id::kStopBegun, log::Level::info};
    case Incident::stopped:
      return {message_id::kStopEnded, log::Level::info};
    case Incident::forced:
      return {message_id::kVmForced, log::Level::warning};
    case Incident::stuck:
      return {message_id::kVmStuck, log::Level::error};
    case Incident::no_forward:
      return {message_id::kVmNoForward, log::Level::warning};
    case Incident::bad_policy:
      break;
  }
  return {message_id::kVmBadPolicy, log::Level::warning};
}

}  // namespace

/// An action that has no perform() of its own does not compile.
void ActionRunner::run(const Action& action) {
  std::visit([this](const auto& each) { perform(each); }, action);
}

void ActionRunner::perform(const RunOperation& action) { link_.hypervisor().run(action.operation); }

void ActionRunner::perform(const Answer& action) { requests_.answer(action); }

void ActionRunner::perform(const JournalEntry& action) {
  const auto kind = journal_kind(action.incident);
  log::Fields fields;
  if (!action.uuid.empty()) fields = {{"VIRTSESSION_VM", action.name}, {"VIRTSESSION_VM_UUID", action.uuid}};
  if (kind.message_id) fields.emplace_back("MESSAGE_ID", kind.message_id);
  if (!action.client.empty()) fields.emplace_back("VIRTSESSION_CLIENT", action.client);
  log::write(kind.level, fields, action.uuid.empty() ? action.text : "VM \"" + action.name + "\": " + action.text);
}

void ActionRunner::perform(const Notice& action) { notifications_.show(action); }

void ActionRunner::perform(const WithdrawNotice& action) { notifications_.withdraw(action); }

void ActionRunner::perform(const ReplaceLibvirt& action) { link_.replace_hung(action.reason); }

void ActionRunner::perform(const TerminateQemu& action) {
  auto process = terminate_qemu(action.name, action.uuid);
  if (!process) {
    log::error("{}", process.error().message);
    return qemu_ended_(action.uuid);
  }
  auto& terminated = terminated_[action.uuid];
  terminated.process = std::move(process).value();
  terminated.ended = loop_.watch_io(terminated.process.get(), EPOLLIN, [this, uuid = action.uuid](std::uint32_t) {
    terminated_.at(uuid).ended = {};
    qemu_ended_(uuid);
  });
}

}  // namespace virtsession
