// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

namespace virtsession {

/// A child that is not allowed to stay. Waiting never exceeds the limits given: one that the kernel does not let go of
/// (a device that hangs) is killed, and left to init or to the end of this process.
class ChildProcess {
 public:
  /// Takes over a child that nobody else waits for.
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// \return its status as of waitpid(2), or nothing when it had not ended by then
  std::optional<int> wait_until(std::chrono::steady_clock::time_point deadline);

 private:
  pid_t pid_;
};

}  // namespace virtsession
