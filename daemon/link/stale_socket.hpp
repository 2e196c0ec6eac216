// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"

#include <sys/types.h>

#include <string>

namespace virtsession {

/// Whether there is a socket at `path` where nobody listens, so that every client is refused. Nobody is connected to:
/// that would start what systemd keeps. False where it cannot be known.
bool is_stale_socket(const std::string& path);

/// Removes the file of a libvirt daemon's socket that the daemon, which was killed, has left behind: libvirt's clients
/// choose their daemon by the files, and would be refused until it is gone. A daemon that starts makes the file before
/// it listens, so a new file is looked at twice. Main loop's thread.
class StaleSocket {
 public:
  explicit StaleSocket(EventLoop& loop);

  /// Removes it now when nobody listens; where the file was made in the last second, only after another look.
  void look(const std::string& path);

 private:
  void look_again();

  Timer again_;
  std::string path_;
  ino_t inode_ = 0;  ///< of the new file where nobody listens yet; 0: there is none
};

}  // namespace virtsession
