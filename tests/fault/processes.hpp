// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/desktop.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace virtsession::test {

/// A process of the host's user, seen from outside, so that a signal reaches it within microseconds.
struct Process {
  pid_t pid = 0;  ///< outside
  pid_t parent = 0;
  std::string program;  ///< its comm
  std::string unit;     ///< the last part of its cgroup
  std::string guest;    ///< of a QEMU that runs a domain: the domain's name
};

/// All that the user has in the host's cgroups, whatever unit or session they are in.
std::vector<Process> processes_of_user(const Host& host);
/// Those of a program that none of its own has started: a fork that is about to become another program is none.
std::vector<Process> find_program(const Host& host, const std::string& program);

}  // namespace virtsession::test
