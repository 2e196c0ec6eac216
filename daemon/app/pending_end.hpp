// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <csignal>

namespace virtsession {

/// Whether this process was asked to end while the signals for that are blocked: for what waits before the main loop,
/// which will read them.
inline bool end_is_pending() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

}  // namespace virtsession
