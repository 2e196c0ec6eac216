// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/unique_fd.hpp"

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace virtsession {

/// pidfd_open(2): a process that stays the same one when its PID is used again. Nothing, and errno, on failure.
/// By number: glibc 2.36 declares these functions without C linkage.
inline UniqueFd open_process(pid_t pid) { return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

/// pidfd_send_signal(2). \return false, and errno, on failure
inline bool send_signal(const UniqueFd& process, int signal_number) {
  return syscall(SYS_pidfd_send_signal, process.get(), signal_number, nullptr, 0) == 0;
}

}  // namespace virtsession
