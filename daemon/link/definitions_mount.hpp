// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"
#include "util/mount_table.hpp"
#include "util/thread_mail.hpp"

#include <chrono>
#include <functional>
#include <set>
#include <string>

namespace virtsession {

/// Tells when a file system is mounted under libvirt's definitions, or above them: a home that is mounted after the
/// user manager has started (lingering, encryption), when libvirt has read the empty folder below it. By the names of
/// mounts alone: the main loop touches no file system. One that is unmounted is not told: what libvirt has read stays.
/// Main loop's thread; the loop outlives it.
class DefinitionsMount {
 public:
  /// \param folder of the definitions; it need not exist
  /// \param mounted called on the loop when nothing more was mounted for `settles`
  DefinitionsMount(EventLoop& loop, std::string folder, std::function<void()> mounted,
                   std::chrono::milliseconds settles = std::chrono::seconds(1));

 private:
  void look();
  void resolve();
  std::string id_of_mount() const;
  std::set<std::string> ids() const;

  const std::string folder_;
  const std::chrono::milliseconds settles_;
  std::string resolved_;  ///< the folder, with links followed
  MountTable table_;
  std::string id_;  ///< of the mount that the folder lies on
  std::set<std::string> ids_;
  Timer settled_;
  bool resolving_ = false, again_ = false;
  ThreadMail mail_;
};

}  // namespace virtsession
