// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// libvirt's state of a domain (virDomainState), with `unknown` while libvirt cannot be asked.
enum class DomainState { unknown, no_state, running, blocked, paused, shutting_down, shut_off, crashed, pm_suspended };

template <>
inline constexpr auto kEnumText<DomainState> = EnumText<DomainState, 9>{{{
    {DomainState::unknown, "unknown"},
    {DomainState::no_state, "no-state"},
    {DomainState::running, "running"},
    {DomainState::blocked, "blocked"},
    {DomainState::paused, "paused"},
    {DomainState::shutting_down, "in-shutdown"},
    {DomainState::shut_off, "shut-off"},
    {DomainState::crashed, "crashed"},
    {DomainState::pm_suspended, "pm-suspended"},
}}};

/// Why a domain is off (virDomainShutoffReason). `none` while it is not off.
enum class StopReason { none, unknown, shutdown, destroyed, crashed, migrated, saved, failed, from_snapshot, daemon };

template <>
inline constexpr auto kEnumText<StopReason> = EnumText<StopReason, 10>{{{
    {StopReason::none, "none"},
    {StopReason::unknown, "unknown"},
    {StopReason::shutdown, "shutdown"},
    {StopReason::destroyed, "destroyed"},
    {StopReason::crashed, "crashed"},
    {StopReason::migrated, "migrated"},
    {StopReason::saved, "saved"},
    {StopReason::failed, "failed"},
    {StopReason::from_snapshot, "from-snapshot"},
    {StopReason::daemon, "daemon"},
}}};

/// A uuid as libvirt writes it, in lower case; other texts may change too, and stay no uuid.
std::string canonical_uuid(std::string text);

/// One network interface of a domain, for people: what it is attached to.
struct Network {
  std::string type;    ///< libvirt's interface type: user, bridge, network, ethernet, direct ...
  std::string source;  ///< bridge, network or device name; the backend (passt, slirp) for type user; may be empty
  std::string mac;

  bool operator==(const Network&) const = default;
};

/// Everything virtsession knows of a domain from libvirt, read in one go by a worker.
struct DomainSnapshot {
  std::string uuid;  ///< canonical form: lower case, with dashes
  std::string name;
  std::string title;  ///< empty when it has none
  int id = -1;        ///< libvirt's id of this run; -1 when the domain is not active
  DomainState state = DomainState::unknown;
  std::string state_reason;  ///< libvirt's reason for the state, as in `virsh domstate --reason`
  StopReason stop_reason = StopReason::none;
  bool persistent = false;
  bool autostart = false;
  std::optional<bool> autostart_once;  ///< nothing when libvirt has no such flag (before 11.2)
  bool managed_save = false;
  bool agent_configured = false;           ///< the domain has a channel for the guest agent
  bool agent_connected = false;            ///< the agent has opened that channel
  std::uint64_t memory_kib = 0;            ///< what the guest is given at most
  std::optional<std::string> policy_text;  ///< text of the policy element in its metadata; nothing when it has none
  std::string policy_error;                ///< why the policy element could not be read, or empty
  std::vector<Network> networks;
  std::string save_blocker;           ///< why libvirt cannot save it, for a person; empty when it can
  bool restarts_on_poweroff = false;  ///< on_poweroff=restart in the XML of the running domain
  /// Paused for a job of libvirt (save, migration, dump, snapshot): it ends or goes on by itself.
  bool in_job = false;

  bool active() const { return id >= 0; }
  bool operator==(const DomainSnapshot&) const = default;
};

/// What libvirt reports of a domain while it happens. A snapshot always follows; these carry what it cannot tell.
enum class DomainEventKind {
  defined,
  undefined,
  started,
  suspended,
  resumed,
  stopped,
  shutdown_by_guest,  ///< the guest powered itself off, also when it was asked to
  shutdown_by_host,   ///< destroyed, or QEMU was sent SIGTERM
  pm_suspended,
  panicked,
  rebooted,
  agent_connected,
  agent_disconnected,
  metadata_changed,
};

struct DomainEvent {
  std::string uuid;
  DomainEventKind kind = DomainEventKind::defined;
};

/// Where a VM is in its life under supervision; each change comes with a reason for a person.
enum class Phase {
  inactive,
  queued,
  waiting,
  starting,
  waiting_ready,
  running,
  stopping,
  saving,
  backoff,
  gave_up,
  unknown,
};

template <>
inline constexpr auto kEnumText<Phase> = EnumText<Phase, 11>{{{
    {Phase::inactive, "inactive"},
    {Phase::queued, "queued"},
    {Phase::waiting, "waiting"},
    {Phase::starting, "starting"},
    {Phase::waiting_ready, "waiting-ready"},
    {Phase::running, "running"},
    {Phase::stopping, "stopping"},
    {Phase::saving, "saving"},
    {Phase::backoff, "backoff"},
    {Phase::gave_up, "gave-up"},
    {Phase::unknown, "unknown"},
}}};

/// What the user wants of a VM: `none` until somebody said so by starting or stopping it.
enum class Intent { none, up, down };

template <>
inline constexpr auto kEnumText<Intent> = EnumText<Intent, 3>{{{
    {Intent::none, "none"},
    {Intent::up, "up"},
    {Intent::down, "down"},
}}};

/// A call to libvirt that changes a domain.
enum class OperationKind {
  start,
  shutdown,
  save,
  power_off,
  reboot,
  pause,
  resume,
  set_autostart,
  set_autostart_once,
  set_policy,
  abort_job,     ///< of the domain, whoever began it; a save that is aborted leaves the guest running
  job_progress,  ///< answered by HypervisorSink::on_job_progress() before its end, when there is a job
  set_time,
};

template <>
inline constexpr auto kEnumText<OperationKind> = EnumText<OperationKind, 13>{{{
    {OperationKind::start, "start"},
    {OperationKind::shutdown, "shut down"},
    {OperationKind::save, "save"},
    {OperationKind::power_off, "power off"},
    {OperationKind::reboot, "reboot"},
    {OperationKind::pause, "pause"},
    {OperationKind::resume, "resume"},
    {OperationKind::set_autostart, "set autostart of"},
    {OperationKind::set_autostart_once, "set autostart-once of"},
    {OperationKind::set_policy, "set the policy of"},
    {OperationKind::abort_job, "abort the job of"},
    {OperationKind::job_progress, "read the progress of"},
    {OperationKind::set_time, "set the clock of"},
}}};

/// How a guest is asked to shut down.
enum class ShutdownWay {
  automatic,  ///< libvirt's choice: the guest agent when it is connected, and the power button when that fails
  acpi,       ///< the power button
  agent,      ///< the guest agent; fails when it is not connected or does not answer
};

/// How far a job of libvirt's is. Of a save, what is left grows while the guest dirties memory.
struct JobProgress {
  std::uint64_t processed_bytes = 0;
  std::uint64_t remaining_bytes = 0;
  std::uint64_t total_bytes = 0;

  bool operator==(const JobProgress&) const = default;
};

using OperationId = std::uint64_t;

/// One call to libvirt on one domain. Fields that the kind does not use are ignored.
struct Operation {
  OperationId id = 0;
  std::string uuid;
  OperationKind kind = OperationKind::start;
  bool paused = false;                          ///< start: leave the guest paused
  bool force_boot = false;                      ///< start: discard a managed save and boot anew
  bool bypass_cache = false;                    ///< start, save: keep the file out of the page cache
  bool graceful = false;                        ///< power_off: SIGTERM only, and fail when QEMU does not end
  bool enable = false;                          ///< set_autostart, set_autostart_once
  std::optional<std::string> policy_text = {};  ///< set_policy: the new text, or nothing to remove the element
  ShutdownWay way = ShutdownWay::automatic;     ///< shutdown
  std::uint64_t time_usec = 0;                  ///< set_time: CLOCK_REALTIME, microseconds
};

}  // namespace virtsession
