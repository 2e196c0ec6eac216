// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession::test {

/// What a command left behind.
struct CommandResult {
  int status = 0;   ///< its exit status, or 128 + the signal that ended it, as a shell says it
  std::string out;  ///< all of its standard output
  std::string err;  ///< all of its standard error

  bool succeeded() const { return status == 0; }
};

struct RunOptions {
  std::string_view input{};          ///< its standard input
  std::chrono::seconds timeout{60};  ///< then it is killed, and run() throws TimedOut
};

/// Runs a command (found in PATH) and waits for it. Returns when the command itself ends, even if something that it
/// started still holds its output open. The command is killed if the calling thread ends.
/// @throws std::system_error if it cannot be run, TimedOut
CommandResult run(const std::vector<std::string>& arguments, const RunOptions& options = {});

/// The result's standard output, without the line break at its end.
/// @throws std::runtime_error with `what` and the standard error, if the command failed
std::string output_of(const CommandResult& result, std::string_view what);

/// The words of a command as one line, for messages.
std::string command_line(const std::vector<std::string>& arguments);

}  // namespace virtsession::test
