// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"
#include "core/port_spec.hpp"

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
enum class ShutoffReason {
  none,
  unknown,
  shutdown,
  destroyed,
  crashed,
  migrated,
  saved,
  failed,
  from_snapshot,
  daemon
};

template <>
inline constexpr auto kEnumText<ShutoffReason> = EnumText<ShutoffReason, 10>{{{
    {ShutoffReason::none, "none"},
    {ShutoffReason::unknown, "unknown"},
    {ShutoffReason::shutdown, "shutdown"},
    {ShutoffReason::destroyed, "destroyed"},
    {ShutoffReason::crashed, "crashed"},
    {ShutoffReason::migrated, "migrated"},
    {ShutoffReason::saved, "saved"},
    {ShutoffReason::failed, "failed"},
    {ShutoffReason::from_snapshot, "from-snapshot"},
    {ShutoffReason::daemon, "daemon"},
}}};

/// Why a domain is paused (virDomainPausedReason), as far as rules tell it apart. `none` while it is not paused.
enum class PauseReason {
  none,
  user,      ///< a client of libvirt asked for it
  io_error,  ///< a disk refused what the guest wrote or read
  watchdog,  ///< the guest's watchdog fired, and its action is pause
  job,       ///< for a job of libvirt (save, migration, dump, snapshot), also one that is over
  other
};

/// A uuid as libvirt writes it, in lower case; other texts may change too, and stay no uuid.
std::string canonical_uuid(std::string text);

/// One network interface of a domain, for people: what it is attached to.
struct Network {
  std::string type;    ///< libvirt's interface type: user, bridge, network, ethernet, direct ...
  std::string source;  ///< bridge, network or device name; the backend (passt, slirp) for type user; may be empty
  std::string mac;
  std::string nic = {};  ///< libvirt's alias ("net0") while it runs; else the one that it will get, by its place

  bool operator==(const Network&) const = default;
};

/// A port of the host that leads to one of the guest.
struct Forward {
  std::string nic;  ///< of the guest: an alias or a MAC, as is said where it is used
  HostPort host;
  std::uint16_t guest_port = 0;

  auto operator<=>(const Forward&) const = default;
};

/// Whether a domain runs, and why it does or does not.
struct DomainRunState {
  int id = -1;  ///< libvirt's id of this run; -1 when the domain is not active
  DomainState state = DomainState::unknown;
  std::string state_reason;  ///< libvirt's reason for the state, as in `virsh domstate --reason`
  ShutoffReason shutoff_reason = ShutoffReason::none;
  PauseReason pause_reason = PauseReason::none;
  /// Paused for a job of libvirt (save, migration, dump, snapshot): it ends or goes on by itself.
  bool in_job = false;
  /// Of a domain that an I/O error has paused: which disk and what is wrong with it, for a person; the file.
  std::string disk_error;
  std::string disk_error_path;

  bool active() const { return id >= 0; }
  bool operator==(const DomainRunState&) const = default;
};

/// Everything virtsession knows of a domain from libvirt, read in one go by a worker.
struct DomainSnapshot : DomainRunState {
  std::string uuid;  ///< canonical form: lower case, with dashes
  std::string name;
  std::string title;  ///< empty when it has none
  bool persistent = false;
  bool appliance = false;  ///< libguestfs made it to work on a disk image: nothing in it is worth a shutdown
  bool autostart = false;
  std::optional<bool> autostart_once;  ///< nothing when libvirt has no such flag (before 11.2)
  bool managed_save = false;
  bool agent_configured = false;           ///< the domain has a channel for the guest agent
  bool agent_connected = false;            ///< the agent has opened that channel
  std::uint64_t memory_kib = 0;            ///< what the guest is given at most
  std::optional<std::string> policy_text;  ///< text of the policy element in its metadata; nothing when it has none
  std::string policy_error;                ///< why the policy element could not be read, or empty
  std::vector<Network> networks;
  /// Where host programs reach the guest; nothing without a vsock.
  std::optional<std::uint32_t> vsock_cid;
  std::vector<Forward> forwards;         ///< passt's, of the definition that it runs with; by MAC, as those below
  std::vector<Forward> next_forwards;    ///< passt's, of the definition or the save that the next start takes
  std::vector<Forward> own_forwards;     ///< those of next_forwards that its policy has put there
  std::vector<std::string> disk_files;   ///< files and devices of disks without which it does not start
  std::vector<std::string> usb_devices;  ///< "046d:c52b": of the host, without which it does not start
  std::string save_blocker;              ///< why libvirt cannot save it, for a person; empty when it can
  std::string move_mark;                 ///< of virtsession-move: "leaving", "arriving", "left"; mostly empty
  bool restarts_on_poweroff = false;     ///< on_poweroff=restart in the XML of the running domain

  bool operator==(const DomainSnapshot&) const = default;
};

/// Why nobody may start a domain that is being moved between qemu:///system and qemu:///session, and what ends that;
/// empty when it is not, or runs.
std::string why_moved_away(const DomainSnapshot& domain);
/// virtsession-move is moving it, or was interrupted: it is not to be started.
bool is_being_moved(const DomainSnapshot& domain);

/// What libvirt reports of a domain while it happens. A snapshot always follows; these carry what it cannot tell.
enum class DomainEventKind {
  defined,
  undefined,
  started,
  shutdown_by_guest,  ///< the guest powered itself off, also when it was asked to
  shutdown_by_host,   ///< destroyed, or QEMU was sent SIGTERM
  panicked,
  rebooted,
  agent_connected,
  agent_disconnected,
  paused,   ///< its CPUs were stopped, mostly for a client; a save and a snapshot do that, too
  resumed,  ///< they run again
};

struct DomainEvent {
  std::string uuid;
  DomainEventKind kind = DomainEventKind::defined;
  std::string name = {};  ///< the domain's then: it may be gone, or have another, when it is read
  int id = -1;            ///< of the run that it is about, as DomainRunState::id
};

}  // namespace virtsession
