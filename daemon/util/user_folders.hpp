// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

using Environment = std::map<std::string, std::string>;

/// Where a program of this user keeps its files, by its environment, as the XDG Base Directory Specification and GLib
/// have it: two libvirt daemons of one user whose folders are others know other VMs.
struct UserFolders {
  std::string config;
  std::string data;
  std::string cache;
  std::string state;

  bool operator==(const UserFolders&) const = default;
};

/// \param home for an environment without HOME. Pure.
UserFolders user_folders(const Environment& environment, const std::string& home);

/// Those of variables as environ(7) has them, "NAME=value".
UserFolders folders_in(const std::vector<std::string>& variables);
/// Those of this process.
UserFolders own_folders();
/// Those of a process of this user, as it was started; nothing when that cannot be read.
std::optional<UserFolders> folders_of(pid_t pid);

/// Variables and values that are others than in `expected`, for a person: "XDG_CONFIG_HOME is /a and not /b". Empty
/// when there are none. Pure.
std::string folder_difference(const UserFolders& folders, const UserFolders& expected);

}  // namespace virtsession
