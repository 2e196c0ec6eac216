// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/addresses.hpp"
#include "core/domain.hpp"
#include "core/phase.hpp"
#include "core/shared_json.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// What kind of mistake it is, for programs.
enum class ProblemCode {
  unreadable,
  unknown_key,
  invalid_value,
  unknown_vm,
  unmarked_vm,
  cycle,
  not_possible,  ///< no mistake: the VM cannot do it
  too_slow,      ///< no mistake: there is not the time for it
  more,          ///< there are more problems than are listed
};

template <>
inline constexpr auto kEnumText<ProblemCode> = EnumText<ProblemCode, 9>{{{
    {ProblemCode::unreadable, "unreadable"},
    {ProblemCode::unknown_key, "unknown-key"},
    {ProblemCode::invalid_value, "invalid-value"},
    {ProblemCode::unknown_vm, "unknown-vm"},
    {ProblemCode::unmarked_vm, "unmarked-vm"},
    {ProblemCode::cycle, "cycle"},
    {ProblemCode::not_possible, "not-possible"},
    {ProblemCode::too_slow, "too-slow"},
    {ProblemCode::more, "more"},
}}};

/// What is wrong with one key of a policy or of the configuration.
struct Problem {
  std::string pointer;     ///< JSON pointer to the value, "/start_oder"
  std::string text;        ///< "unknown key start_oder"
  std::string suggestion;  ///< "did you mean start_order?", or empty
  ProblemCode code = ProblemCode::unreadable;

  bool operator==(const Problem&) const = default;
};

/// `next_start`: only the next start of the VM brings it.
enum class ForwardState { off, active, next_start, failed, impossible };

template <>
inline constexpr auto kEnumText<ForwardState> = EnumText<ForwardState, 5>{{{
    {ForwardState::off, "off"},
    {ForwardState::active, "active"},
    {ForwardState::next_start, "next-start"},
    {ForwardState::failed, "failed"},
    {ForwardState::impossible, "impossible"},
}}};

/// A port of the host that leads, or is to lead, to one of the guest.
struct ForwardView {
  Forward forward;  ///< by Network::nic, which is empty when none fits; host port 0: to be chosen
  ForwardState state = ForwardState::off;
  std::string reason;  ///< for a person; empty when there is nothing to say
  std::string spec;    ///< the policy's text; empty: somebody else made it

  bool operator==(const ForwardView&) const = default;
};

/// One VM as the API shows it. Plain data: the D-Bus object keeps a copy and announces what differs from the last one.
struct VmView {
  std::string uuid;
  std::string name;
  std::string title;
  DomainState state = DomainState::unknown;
  std::string state_reason;
  Phase phase = Phase::unknown;
  std::string phase_reason;
  std::uint64_t phase_since_usec = 0;  ///< CLOCK_REALTIME, microseconds; 0 when it is not known
  std::optional<int> progress;         ///< of a save that is under way: per cent, 0 to 100; nothing while not known
  Intent intent = Intent::none;
  bool active = false;  ///< it runs, paused or not; also while libvirt cannot be asked, if it did before
  bool autostart = false;
  bool autostart_once = false;
  bool persistent = false;
  bool managed_save = false;
  SharedJson policy;            ///< effective: every key that has a value
  SharedJson policy_overrides;  ///< what the VM itself carries and could be used
  std::vector<Problem> policy_problems;
  std::string last_error;  ///< of the last thing that failed; empty after a success
  std::uint32_t restart_count = 0;
  std::uint64_t started_usec = 0;  ///< CLOCK_REALTIME, microseconds; 0 when off or not known
  std::vector<Network> networks;
  std::vector<Address> addresses;
  std::vector<ForwardView> forwards;
  std::string scope;  ///< the systemd unit of its processes; empty when it has none

  bool operator==(const VmView&) const = default;
};

/// Where the connection to libvirt is (core/connection.hpp).
enum class LibvirtState { down, starting_unit, connecting, syncing, ready, not_answering };

template <>
inline constexpr auto kEnumText<LibvirtState> = EnumText<LibvirtState, 6>{{{
    {LibvirtState::down, "down"},
    {LibvirtState::starting_unit, "starting-unit"},
    {LibvirtState::connecting, "connecting"},
    {LibvirtState::syncing, "syncing"},
    {LibvirtState::ready, "ready"},
    {LibvirtState::not_answering, "not-answering"},
}}};

/// How far the start of the marked VMs has come. `incomplete`: it ended, and something that should run does not.
/// `unknown`: it had begun, and libvirt cannot be asked.
enum class AutostartState { pending, running, done, incomplete, unknown };

template <>
inline constexpr auto kEnumText<AutostartState> = EnumText<AutostartState, 5>{{{
    {AutostartState::pending, "pending"},
    {AutostartState::running, "running"},
    {AutostartState::done, "done"},
    {AutostartState::incomplete, "incomplete"},
    {AutostartState::unknown, "unknown"},
}}};

/// Whether all VMs are being stopped.
enum class StopState { idle, running };

template <>
inline constexpr auto kEnumText<StopState> = EnumText<StopState, 2>{{{
    {StopState::idle, "idle"},
    {StopState::running, "running"},
}}};

struct ManagerView {
  std::string version;
  LibvirtState libvirt_state = LibvirtState::down;
  std::string libvirt_reason;    ///< why it is in that state, for a person
  std::string libvirt_daemon;    ///< "libvirtd" or "virtqemud"
  std::string libvirt_version;   ///< of that daemon; empty until it was reached
  bool libvirt_managed = false;  ///< its unit is ours
  AutostartState autostart_state = AutostartState::pending;
  std::string autostart_reason;  ///< what of it runs and what does not, for a person
  StopState stop_state = StopState::idle;
  std::uint64_t stop_budget_usec = 0;           ///< for stopping all VMs at the end of the session
  bool linger = false;                          ///< the user manager runs without a login
  std::map<std::string, std::uint32_t> counts;  ///< VMs by phase, and "total"
  std::string config_path;                      ///< the file in force; empty for the built-in defaults
  std::vector<Problem> config_problems;         ///< of the last file that could not be used

  bool operator==(const ManagerView&) const = default;
};

/// One row of a dry run.
struct PlanStep {
  std::uint32_t wave = 0;  ///< VMs of one wave may go together; 0 for those that are skipped
  std::string uuid;
  std::string name;
  std::string decision;  ///< "start", "wait" or "skip"; to stop: a stop action or "skip"
  std::string reason;

  bool operator==(const PlanStep&) const = default;
};

/// One change in a VM's life.
struct HistoryEntry {
  std::uint64_t time_usec = 0;  ///< CLOCK_REALTIME, microseconds
  std::string uuid;
  std::string name;
  Phase phase = Phase::unknown;
  std::string reason;
  std::string cause;  ///< login, policy, crash, a D-Bus caller, another libvirt client ...

  bool operator==(const HistoryEntry&) const = default;
};

}  // namespace virtsession
