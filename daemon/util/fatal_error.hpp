// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <stdexcept>
#include <string>

namespace virtsession {

/// Ends the program with one clear sentence and an exit code of sysexits(3), which the unit's RestartPreventExitStatus=
/// knows: a restart would not help.
class FatalError : public std::runtime_error {
 public:
  FatalError(int exit_code, const std::string& text) : std::runtime_error(text), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace virtsession
