// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"

#include <string>
#include <utility>

namespace virtsession {

/// What kind of thing brought a change about. Rules compare the kind, never the text.
enum class CauseKind {
  other_client,    ///< nothing that virtsession was asked for, or did
  first_seen,      ///< it was so before virtsession looked
  login,           ///< the run of autostart of this login
  restart_policy,  ///< a restart after a crash
  policy,
  crash,
  memory,   ///< a restart after the kernel had killed it for want of memory
  libvirt,  ///< libvirt refused what it was asked for
  session_end,
  host_sleeps,
  host_woke_up,
  on_battery,   ///< the host runs on its battery
  low_battery,  ///< and that is low
  on_mains,     ///< it is over
  guest,        ///< the guest itself
  boxes,        ///< GNOME Boxes, which saves what runs when it is closed
  request,      ///< a person or a program asked virtsession
};

template <>
inline constexpr auto kEnumText<CauseKind> = EnumText<CauseKind, 17>{{{
    {CauseKind::other_client, "another libvirt client"},
    {CauseKind::first_seen, "as it was found"},
    {CauseKind::login, "login"},
    {CauseKind::restart_policy, "restart policy"},
    {CauseKind::policy, "policy"},
    {CauseKind::crash, "crash"},
    {CauseKind::memory, "lack of memory"},
    {CauseKind::libvirt, "libvirt"},
    {CauseKind::session_end, "the end of the session"},
    {CauseKind::host_sleeps, "the host's sleep"},
    {CauseKind::host_woke_up, "the host woke up"},
    {CauseKind::on_battery, "battery power"},
    {CauseKind::low_battery, "low battery"},
    {CauseKind::on_mains, "mains power"},
    {CauseKind::guest, "the guest"},
    {CauseKind::boxes, "GNOME Boxes"},
    {CauseKind::request, "a request"},
}}};

/// Who asks virtsession for something.
struct Caller {
  std::string name;         ///< for people: "virtsessionctl"
  std::string client = {};  ///< for the journal: bus name, pid and unit of a D-Bus client; else empty

  Caller() = default;
  Caller(std::string known_as, std::string bus_client = {})
      : name(std::move(known_as)), client(std::move(bus_client)) {}
  Caller(const char* known_as) : name(known_as) {}
  bool operator==(const Caller&) const = default;
};

/// Why something happened: the kind, for rules, and who asked, for people.
struct Cause {
  CauseKind kind = CauseKind::other_client;
  Caller who = {};  ///< of a request

  bool operator==(const Cause&) const = default;
};

inline Cause asked_by(const Caller& caller) { return {CauseKind::request, caller}; }

/// For the history.
std::string to_text(const Cause& cause);
/// For reasons: "because of login", "asked for by virtsessionctl".
std::string reason_text(const Cause& cause);
/// What something is done for: "for the host's sleep", "on battery power".
std::string purpose_text(const Cause& cause);
/// Reads what to_text() wrote; a text of none of the kinds names a caller.
Cause cause_from_text(const std::string& text);

}  // namespace virtsession
