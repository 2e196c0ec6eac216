// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/session_user.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace virtsession {
namespace {

struct Range {
  uid_t first;
  uid_t last;
};

/// See "Users, Groups, UIDs and GIDs on systemd Systems": system users, greeters of GDM, dynamic users, nobody.
constexpr std::array kNobodysSession{Range{1, 999}, Range{60578, 60705}, Range{61184, 65519}, Range{65534, 65534}};

}  // namespace

std::string user_name(uid_t uid) {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found) return found->pw_name;
  return "uid " + std::to_string(uid);
}

std::optional<std::string> why_no_session(uid_t uid, const std::string& user) {
  if (uid == 0)
    return "root has no session libvirt, since qemu:///session of root is the system's: virtsession is for the other "
           "users, each with VMs of their own";
  const auto is_in = [uid](const Range& range) { return uid >= range.first && uid <= range.last; };
  if (std::ranges::none_of(kNobodysSession, is_in)) return std::nullopt;
  return user + " is a system user (uid " + std::to_string(uid) + "), and virtsession is for people who log in";
}

std::optional<std::string> why_no_session() {
  const uid_t uid = geteuid();
  return why_no_session(uid, user_name(uid));
}

}  // namespace virtsession
