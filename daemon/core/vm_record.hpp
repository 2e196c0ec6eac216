// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"
#include "core/policy.hpp"
#include "core/request.hpp"
#include "core/restart.hpp"
#include "core/stop_plan.hpp"
#include "core/vm.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// How often the progress of a save is read.
inline constexpr Duration kProgressInterval = std::chrono::seconds(1);

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
inline const std::string kSessionEnd = "the end of the session";
inline const std::string kHostSleeps = "the host's sleep";
inline const std::string kHostWokeUp = "the host woke up";

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
  std::vector<RequestId> requests;            ///< to be answered with it
  std::optional<SteadyTime> look_again = {};  ///< of a save that was asked for: when to read its progress
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

/// What is left to be done to stop a VM, in a run that stops all.
struct StopTask {
  enum class Stage {
    queued,  ///< VMs that stop before it are not off, or too many are being stopped
    waits,   ///< the first of `actions` is due, and libvirt is still busy with the VM, or away
    acts,    ///< the first of `actions` is under way
    ended,   ///< it is off, or nothing is left to be tried
  };
  Stage stage = Stage::queued;
  std::vector<StopAction> actions = {};  ///< the first is tried now or next
  std::string failed = {};               ///< what was tried before, and how it ended: "; shutdown: ..."
  SteadyTime until{};                    ///< acts: when the next action follows; waits: when others go on without it
  SteadyTime expected{};                 ///< acts: when the action should be over, by the plan
  Duration press_every{};                ///< while the guest is asked to shut down
  SteadyTime look_again{};               ///< acts: when to press the button again, or to read a save's progress
  std::map<OperationId, SteadyTime> unanswered = {};  ///< its calls, and until when libvirt has to answer
  bool overdue = false;                               ///< waits: who stops after it does not wait for it any more
  bool ran = false;                                   ///< it was seen to run: there was something to be stopped
  bool asked = false;        ///< the guest was asked to shut down, and libvirt says that it was told
  bool asked_agent = false;  ///< the guest was asked through its agent
  bool by_agent = false;     ///< it was so the last time that it was asked
  bool aborted = false;      ///< its save was told to stop
  bool terminated = false;   ///< QEMU was told to end without libvirt
};

/// A VM that was paused or saved for the host's sleep.
struct SleepTask {
  SleepAction action = SleepAction::none;
  std::optional<OperationId> call = {};  ///< the pause or save that has not been answered
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
  std::optional<StopTask> stop_task;
  std::optional<SleepTask> asleep;
  std::map<OperationId, PendingCall> calls;
  std::string stop_cause;      ///< who asked for the stop that is under way, or empty
  bool host_ended_it = false;  ///< the last run's SHUTDOWN event came from the host's side
  bool panicked = false;       ///< the guest of this run has panicked
  bool never_ready = false;    ///< this run was not ready in time
  bool clock_stale = false;    ///< its clock is to be set when its agent can be asked
  std::string scope;           ///< the systemd unit of its processes; empty until it has one
  RestartBudget restarts;

  /// The call that changes whether it runs, if one is under way: at most one, others are Busy.
  PendingCall* lifecycle_call();
  /// The same, but that a guest's agent is asked to shut it down: libvirt does other things with the VM meanwhile.
  PendingCall* exclusive_call();
  bool has_call(OperationKind kind) const;
};

}  // namespace virtsession
