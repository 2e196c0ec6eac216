// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

namespace virtsession::move {

/// polkit's agent on the terminal (pkttyagent(1)) for as long as this lives, as virsh has it: where a desktop has a
/// dialog for passwords, that one asks. Does nothing without a terminal or without the program.
class PasswordAgent {
 public:
  explicit PasswordAgent(bool wanted);
  ~PasswordAgent();
  PasswordAgent(const PasswordAgent&) = delete;
  PasswordAgent& operator=(const PasswordAgent&) = delete;

 private:
  pid_t pid_ = -1;
};

}  // namespace virtsession::move
