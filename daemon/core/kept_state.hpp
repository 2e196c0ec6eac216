// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/domain.hpp"
#include "core/host_power.hpp"
#include "core/moment.hpp"
#include "core/phase.hpp"
#include "core/policy.hpp"
#include "core/vm_lasting.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// What is kept in $XDG_RUNTIME_DIR for the next instance, and in $XDG_STATE_HOME for the next login, as JSON objects.
struct KeptState {
  /// An empty object when there is none: the login is a new one. One that cannot be used (login_problem())
  /// still means that the login is not new: nothing is started again.
  nlohmann::json login = nlohmann::json::object();
  nlohmann::json lasting = nlohmann::json::object();

  bool login_is_new() const { return login.is_object() && login.empty(); }
  bool operator==(const KeptState&) const = default;
};

/// What one instance leaves of a start.
struct KeptStart {
  Cause cause;
  bool ordered = true;
  bool marked = true;
  bool starting = false;  ///< libvirt was asked, or about to be
  bool asked = false;     ///< by policy, and not as a part of the autostart

  bool operator==(const KeptStart&) const = default;
};

/// What one instance leaves of a VM that is held.
struct KeptHold {
  Cause why;
  HoldAction action = HoldAction::pause;
  bool answered = false;

  bool operator==(const KeptHold&) const = default;
};

/// What one instance leaves of a VM.
struct KeptVm {
  std::int64_t id = -1;  ///< libvirt's id of the run that it saw last; -1: it was off
  Intent intent = Intent::none;
  std::uint64_t started_usec = 0;
  std::uint32_t restart_count = 0;
  std::string last_error;
  bool never_ready = false;
  std::optional<bool> ready_wait_ordered = {};  ///< nothing: it did not wait to be ready
  std::optional<KeptStart> start = {};
  std::optional<KeptHold> hold = {};
  std::string gave_up = {};  ///< why; empty when it has not
  Phase phase = Phase::unknown;
  std::uint64_t since_usec = 0;    ///< when it entered that phase
  bool told_to_shut_down = false;  ///< as in Run, and the next one
  std::string save_refusal = {};
  std::vector<Forward> own_forwards = {};
  bool stopping = false;  ///< by the stop of all that was under way, or alone
  std::optional<Cause> stop_alone = {};

  bool operator==(const KeptVm&) const = default;
};

/// A stop of all that was under way, for the end of the session or because somebody wanted it.
struct KeptStop {
  SteadyTime begun;
  std::optional<SteadyTime> deadline;  ///< the end of a session always has one
  Cause cause = {CauseKind::session_end};

  bool operator==(const KeptStop&) const = default;
};

/// What one instance leaves for the next.
struct Kept {
  bool autostart_begun = false;
  /// When the first list of the login was read; 0 when none was. What was in it and is not in `vms` was off ever since.
  std::uint64_t first_listed_usec = 0;
  std::map<std::string, KeptVm> vms;  ///< by uuid
  std::optional<KeptStop> stop;
  HostPower power = HostPower::unknown;      ///< what the host ran on
  std::set<std::string> up;                  ///< by uuid: what ran, or should have
  std::map<std::string, VmLasting> lasting;  ///< by uuid
  bool session_over = false;                 ///< the next login begins anew, even if the runtime folder is still there
};

KeptState to_state(const Kept& kept);

/// The state of one instance, again and again. What is kept of hundreds of VMs takes a while to be put into JSON, and
/// mostly one of them is another: only that is made anew.
class KeptStates {
 public:
  /// \return to_state(kept), until the next call
  const KeptState& next(Kept kept);

 private:
  std::map<std::string, KeptVm> vms_;  ///< as they are in state_
  KeptState state_;
};

/// Why KeptState::login cannot be used: it is of another format, or not of the expected types. \return empty when it
/// can
std::string login_problem(const nlohmann::json& login);
/// Reads two files that anything may have happened to: of the lasting one, whatever is not of the expected type counts
/// as not there.
Kept from_state(const KeptState& state);

}  // namespace virtsession
