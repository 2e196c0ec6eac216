// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"
#include "core/policy.hpp"
#include "core/request.hpp"
#include "core/restart.hpp"
#include "core/vm.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// How far the start of one VM has come. Only stages that will go on by themselves hold up VMs of a later order.
enum class StartStage {
  queued,      ///< earlier orders, or VMs it starts after, come first
  delayed,     ///< start_delay_sec, until `until`
  conditions,  ///< something about the host is not as its policy wants it
  slot,        ///< as many VMs as may start at once are starting
  starting,    ///< libvirt is at it
  backoff,     ///< it failed, and is tried again at `until`
};

/// The cause of what happened without anything that was asked of virtsession.
inline const std::string kOtherClient = "another libvirt client";
/// The cause of what was so when it was first seen.
inline const std::string kFirstSeen = "as it was found";

/// A start that virtsession owes a VM by policy.
struct StartTask {
  std::string cause;    ///< for the history: "login", "restart policy" ...
  bool ordered = true;  ///< part of a run of autostart: obeys orders, start_after and delays
  bool marked = true;   ///< goes when the autostart flag does
  StartStage stage = StartStage::queued;
  SteadyTime until{};
  bool delay_over = false;    ///< start_delay_sec was waited for
  std::uint32_t attempt = 0;  ///< starts that have failed
};

/// A VM that runs and is not ready yet.
struct ReadyWait {
  Readiness readiness;
  SteadyTime since;
  bool ordered = false;   ///< part of a run of autostart: VMs of a later order wait for it, too
  bool answered = false;  ///< its service has, for readiness by TCP
};

/// A call to libvirt that has not answered.
struct PendingCall {
  Operation operation;
  std::string cause;
  std::vector<RequestId> requests;  ///< to be answered with it
};

/// A guest that was asked to shut down and has not yet.
struct StopWait {
  struct Waiter {
    RequestId request = 0;
    SteadyTime deadline;
  };
  SteadyTime deadline{};  ///< of the most patient
  std::vector<Waiter> waiters;
};

/// Everything the supervisor knows of one VM.
struct VmRecord {
  DomainSnapshot domain;

  Policy policy;                                            ///< effective
  nlohmann::json overrides_raw = nlohmann::json::object();  ///< its metadata's object; null when it is no object
  nlohmann::json overrides = nlohmann::json::object();      ///< the part that could be used
  std::vector<Problem> policy_problems;                     ///< of its metadata
  std::vector<Problem> dependency_problems;                 ///< of start_after among the VMs there are

  Phase phase = Phase::inactive;
  std::string phase_reason;
  Intent intent = Intent::none;
  std::string last_error;
  std::uint32_t restart_count = 0;
  std::uint64_t started_usec = 0;

  std::optional<StartTask> task;
  std::optional<ReadyWait> ready_wait;
  std::optional<StopWait> stop_wait;
  std::map<OperationId, PendingCall> calls;
  std::string stop_cause;      ///< who asked for the stop that is under way, or empty
  bool host_ended_it = false;  ///< the last run's SHUTDOWN event came from the host's side
  bool panicked = false;       ///< the guest of this run has panicked
  bool never_ready = false;    ///< this run was not ready in time
  RestartBudget restarts;

  /// The call that changes whether it runs, if one is under way: at most one, others are Busy.
  PendingCall* lifecycle_call();
};

}  // namespace virtsession
