// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"
#include "console.hpp"
#include "ssh_probe.hpp"
#include "ssh_way.hpp"
#include "vm_up.hpp"

#include <chrono>

namespace virtsession::ctl {

/// An sshd that has answered.
struct Reached {
  SshEndpoint endpoint;
  SshProbe probe;
};

/// Starts the VM if that is wanted, and waits until its sshd answers by any way. Says on the standard error what it
/// waits for when that takes longer. Blocks; Ctrl-C ends the program.
/// \throws Failure when there is no way, or when the time is up
Reached reach_sshd(Client& client, Console& console, const VmInfo& vm, const VmWanted& wanted,
                   std::chrono::milliseconds at_most);

}  // namespace virtsession::ctl
