// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "support/temporary_folder.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace virtsession::test {

/// A real libvirt session daemon with folders of its own, and its VMs; all of it ends with the object. As root, it runs
/// as "nobody": root's daemon would be the system's.
class SessionDaemon {
 public:
  /// Returns when it listens.
  SessionDaemon();
  ~SessionDaemon();
  SessionDaemon(const SessionDaemon&) = delete;
  SessionDaemon& operator=(const SessionDaemon&) = delete;

  std::string uri() const { return "qemu:///session?socket=" + socket_.string(); }
  std::filesystem::path folder() const { return folder_.path(); }
  /// Where the managed save of a domain goes.
  std::filesystem::path save_file(const std::string& domain) const {
    return folder() / ".config/libvirt/qemu/save" / (domain + ".save");
  }
  /// Makes a file or folder the daemon's.
  void give(const std::filesystem::path& path) const;

 private:
  TemporaryFolder folder_;
  std::filesystem::path socket_;
  pid_t pid_ = 0;
};

}  // namespace virtsession::test
