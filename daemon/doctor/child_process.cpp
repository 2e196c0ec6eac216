// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/child_process.hpp"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <thread>

namespace virtsession {

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(500));
}

std::optional<int> ChildProcess::wait_until(std::chrono::steady_clock::time_point deadline) {
  // A pidfd would save the short sleeps, but a sandbox may refuse it, and this waits for milliseconds as a rule.
  while (pid_ > 0) {
    int status = 0;
    const pid_t ended = waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      pid_ = -1;
      return status;
    }
    if (ended < 0 && errno != EINTR) {
      pid_ = -1;
      break;
    }
    if (std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return std::nullopt;
}

}  // namespace virtsession
