// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/operation.hpp"
#include "core/request.hpp"
#include "core/result.hpp"

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace virtsession {

/// What a journal entry is about; each has a documented MESSAGE_ID (daemon/util/message_ids.hpp).
enum class Incident {
  phase,
  started,
  start_failed,
  crashed,
  gave_up,
  not_ready,
  bad_policy,
  stopping,
  stopped,
  forced,
  stuck,
  no_forward,
};

struct RunOperation {
  Operation operation;
};
struct Answer {
  RequestId request = 0;
  Result<void> result;
};
struct JournalEntry {
  Incident incident = Incident::phase;
  std::string uuid;  ///< empty, as the name, when it is about all VMs
  std::string name;
  std::string text;
  std::string client = {};  ///< of a request over D-Bus: Caller::client
};
/// What a person should see on the desktop; one per VM and incident, and taken back when it is over.
struct Notice {
  Incident incident = Incident::gave_up;
  std::string uuid;
  std::string name;
  std::string text;
};
struct WithdrawNotice {
  Incident incident = Incident::gave_up;
  std::string uuid;
};
/// libvirt does not answer, and what is to be done cannot wait: its daemon has to be replaced at once.
struct ReplaceLibvirt {
  std::string reason;
};
/// libvirt cannot be reached and time is up: QEMU is to be ended without it, by SIGTERM.
struct TerminateQemu {
  std::string uuid;
  std::string name;
};
using Action = std::variant<RunOperation, Answer, JournalEntry, Notice, WithdrawNotice, ReplaceLibvirt, TerminateQemu>;

/// What the core wants done, in the order in which it decided. The owner takes it after each event.
class Outbox {
 public:
  void put(Action action) { actions_.push_back(std::move(action)); }
  std::vector<Action> take() { return std::exchange(actions_, {}); }

 private:
  std::vector<Action> actions_;
};

}  // namespace virtsession
