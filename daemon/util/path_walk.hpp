// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/unique_fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// One folder on the way to a path, and what in it decides where the path leads.
struct PathPoint {
  enum class Role {
    folder,   ///< the folder itself: whether it goes or moves
    entry,    ///< one name in it, which is a missing or the last folder of the way
    content,  ///< one name in it, which is a symbolic link or the file at the path: a replacement counts as a change
    target,   ///< all names in it: it is the folder at the path
  };

  std::shared_ptr<const UniqueFd> folder;  ///< O_PATH; holds the mount, so it must not be kept
  std::string folder_path;                 ///< for messages
  dev_t device = 0;
  ino_t inode = 0;
  Role role = Role::folder;
  std::uint32_t events = 0;  ///< of inotify(7)
  std::string name;          ///< for the roles entry and content

  /// Same folder and same interest; the descriptors may differ.
  bool same_as(const PathPoint& other) const;
};

/// What a path leads to; two that differ are two things.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;

  bool operator==(const FileIdentity&) const = default;
};

/// The way from the root to a path, through symbolic links and mounts, as far as it exists.
struct PathWalk {
  std::vector<PathPoint> points;
  std::optional<FileIdentity> target;  ///< nothing when the path does not exist
  bool mounted = false;                ///< the target is the root of a mount

  bool same_as(const PathWalk& other) const;
};

/// Blocks for as long as the file systems on the way do; that of the target is asked, whatever is known of it.
/// \param path absolute \param steps told of each path on the way, with links followed, before it is looked at
PathWalk walk_path(const std::string& path, const std::function<void(const std::string& at)>& steps = {});

}  // namespace virtsession
