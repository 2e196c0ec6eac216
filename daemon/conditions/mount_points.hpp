// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"
#include "util/mount_table.hpp"
#include "util/thread_mail.hpp"

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// Where it is said which paths are mount points.
struct MountPointSources {
  std::filesystem::path fstab = "/etc/fstab";
  /// Folders of systemd's units, see systemd.unit(5): what the administrator, or a generator, has put there. What comes
  /// with the system (/usr/lib) is not used everywhere.
  std::vector<std::filesystem::path> units = {"/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator",
                                              "/run/systemd/transient"};
  std::vector<std::filesystem::path> user_units = {};  ///< in a home, which may hang
};

/// The folders of this user's own units. \throws what config_home() and runtime_dir() throw
std::vector<std::filesystem::path> user_unit_folders();

/// What fstab(5) mounts, but for swap; by getmntent(3). A file that is not there has nothing.
std::set<std::string> read_fstab(const std::filesystem::path& fstab);
/// The paths of the .mount units in these folders, by their names (systemd-escape --path); systemd takes no other.
std::set<std::string> read_mount_units(const std::vector<std::filesystem::path>& folders);

/// What both say, but for the units of the user.
std::set<std::string> read_mount_points(const MountPointSources& sources);

/// Which paths are mount points, whether something is mounted there now or not: what fstab or a .mount unit mounts, and
/// what was mounted since this was made. Files are read by threads. Loop's thread only; the loop outlives it.
class MountPoints {
 public:
  /// \param changed called on the loop when known() or contains() may be another answer, also after a mount or unmount
  MountPoints(EventLoop& loop, MountPointSources sources, std::function<void()> changed);

  /// Has fstab and units read again.
  void refresh();
  /// Whether contains() can be asked: they were read, or those of the user's home do not answer.
  bool known() const { return system_known_ && user_known_; }
  bool contains(const std::string& path) const;

 private:
  void note_mounted();

  MountPointSources sources_;
  std::function<void()> changed_;
  std::set<std::string> system_, user_, seen_;
  bool system_known_ = false, user_known_ = false;
  bool user_is_read_ = false;  ///< a thread is at it
  MountTable table_;
  Timer user_limit_;
  ThreadMail mail_;
};

}  // namespace virtsession
