// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

/// A line of /proc/self/mountinfo; see proc(5).
struct Mount {
  std::string id;  ///< differs from that of every other mount there is
  std::string point;
  std::string type;
  std::string device;  ///< "8:1"

  /// Tells it from every other mount, also from a later one: the kernel gives the id of one that is gone to the next.
  std::string key() const { return id + " " + device + " " + point; }
};

/// Reads the whole text. Lines that make no sense are left out.
std::vector<Mount> parse_mountinfo(std::string_view text);

/// The mount in which an absolute path without symbolic links lies, by its name only: the file system is not touched.
/// Null when there is none.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path);

/// What is mounted for this process now. Asks the kernel and no file system.
std::vector<Mount> read_mounts();

}  // namespace virtsession
