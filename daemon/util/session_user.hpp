// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace virtsession {

/// A user's name, or "uid 1000" for one that has none. From any thread.
std::string user_name(uid_t uid);

/// Why this user has no libvirt session that virtsession could look after: a sentence without its full stop, or nothing
/// for a person. Root's `qemu:///session` is the system's libvirt (libvirt asks for the effective uid); system users,
/// greeters among them, have a user manager and no VMs. The ranges of uids are systemd's; the units say the same with
/// ConditionUser=. \param user the name, for the sentence
std::optional<std::string> why_no_session(uid_t uid, const std::string& user);
/// Of this process. From any thread.
std::optional<std::string> why_no_session();

}  // namespace virtsession
