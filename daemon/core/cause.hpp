// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"

#include <string>

namespace virtsession {

/// What kind of thing brought a change about. Rules compare the kind, never the text.
enum class CauseKind {
  other_client,    ///< nothing that virtsession was asked for, or did
  first_seen,      ///< it was so before virtsession looked
  login,           ///< the run of autostart of this login
  restart_policy,  ///< a restart after a crash
  policy,
  crash,
  libvirt,  ///< libvirt refused what it was asked for
  session_end,
  host_sleeps,
  host_woke_up,
  guest,    ///< the guest itself
  request,  ///< a person or a program asked virtsession
};

template <>
inline constexpr auto kEnumText<CauseKind> = EnumText<CauseKind, 12>{{{
    {CauseKind::other_client, "another libvirt client"},
    {CauseKind::first_seen, "as it was found"},
    {CauseKind::login, "login"},
    {CauseKind::restart_policy, "restart policy"},
    {CauseKind::policy, "policy"},
    {CauseKind::crash, "crash"},
    {CauseKind::libvirt, "libvirt"},
    {CauseKind::session_end, "the end of the session"},
    {CauseKind::host_sleeps, "the host's sleep"},
    {CauseKind::host_woke_up, "the host woke up"},
    {CauseKind::guest, "the guest"},
    {CauseKind::request, "a request"},
}}};

/// Why something happened: the kind, for rules, and who asked, for people.
struct Cause {
  CauseKind kind = CauseKind::other_client;
  std::string who = {};  ///< request: the caller

  bool operator==(const Cause&) const = default;
};

inline Cause asked_by(const std::string& caller) { return {CauseKind::request, caller}; }

/// For the history and for reasons.
std::string to_text(const Cause& cause);
/// Reads what to_text() wrote; a text of none of the kinds names a caller.
Cause cause_from_text(const std::string& text);

}  // namespace virtsession
