// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "systemd/user_manager.hpp"
#include "util/event_loop.hpp"

#include <sys/types.h>

#include <string>

namespace virtsession {

struct StrayDaemon;

/// Whether a virtlogd has a VM's log open: a regular file that is not its own. True where that cannot be read.
bool keeps_logs(pid_t virtlogd);

/// Sees off the virtlogd that a stray libvirt daemon started.
///
/// It is at the other end of its VMs' log pipes: their output is lost when it ends. So it is left alone while it keeps
/// logs, for as long as it must (and holds up a reboot meanwhile, by logind's 5 s, with its inhibitor lock), beside the
/// managed one, which VMs started later use. It moves into a scope of its own: it would end with that of the terminal
/// or login in which the client was, and lose the last lines of what still runs. Without logs it would end by itself
/// within 120 s and take the file of the socket with it, which is systemd's by now: it is killed before that, which
/// leaves the file. Main loop's thread.
class StrayLogd {
 public:
  StrayLogd(EventLoop& loop, UserManager& units, std::string runtime_dir);

  /// Looks for one, and goes on looking while there is one. To be called when the managed daemon is about to be used.
  void look();

 private:
  void move(const StrayDaemon& stray);

  UserManager& units_;
  std::string runtime_dir_;
  Timer again_;
  pid_t announced_ = 0;
};

}  // namespace virtsession
