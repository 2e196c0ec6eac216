// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "ssh_way.hpp"
#include "util/unique_fd.hpp"

#include <chrono>
#include <string>

namespace virtsession::ctl {

/// A connection to an sshd, or what came instead.
struct SshProbe {
  UniqueFd connection;  ///< its first bytes are still to be read
  std::string problem;  ///< "does not answer", when there is none; a piece of a sentence about the endpoint
};

/// Connects, and waits for the greeting of an sshd ("SSH-", RFC 4253, 4.2): a forward accepts connections also for a
/// guest that does not listen. Blocks, `patience` at most.
SshProbe probe_ssh(const SshEndpoint& endpoint, std::chrono::milliseconds patience);

/// Carries bytes between the connection and this program's streams until the other side closes. Blocks.
void carry(const UniqueFd& connection);

}  // namespace virtsession::ctl
