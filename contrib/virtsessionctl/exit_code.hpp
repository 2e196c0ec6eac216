// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace virtsession::ctl {

/// What scripts may rely on; the numbers are systemctl's where it has them.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,        ///< something that was asked for failed, or doctor found a problem
  kUsage = 2,         ///< the command line makes no sense
  kNotRunning = 3,    ///< virtsessiond does not run
  kNoSuchVm = 4,      ///< a VM that was named does not exist
  kInterrupted = 130  ///< ended by Ctrl-C, as a shell says it
};

/// Ends a verb: one sentence of what is wrong, and what to do about it.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ExitCode code() const { return code_; }
  /// One or more lines, or empty.
  const std::string& hint() const { return hint_; }

 private:
  ExitCode code_;
  std::string hint_;
};

}  // namespace virtsession::ctl
