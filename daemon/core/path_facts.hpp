// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace virtsession {

/// What is known of a path.
struct PathFacts {
  bool exists = false;          ///< something is there; a link that leads nowhere is nothing
  bool answers = true;          ///< the file system does, within a limit; otherwise nothing else is known
  bool mounted = false;         ///< a file system is mounted there
  bool is_mount_point = false;  ///< one belongs there: one was, or fstab(5) or a .mount unit say so

  bool operator==(const PathFacts&) const = default;
};

}  // namespace virtsession
