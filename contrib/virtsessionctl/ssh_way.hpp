// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "vm_info.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// Where a guest's sshd may be reached from this host.
struct SshEndpoint {
  enum class Kind { forward, address, vsock };

  Kind kind = Kind::forward;
  std::string address;  ///< an IP address; of vsock the CID
  std::uint16_t port = 22;

  bool operator==(const SshEndpoint&) const = default;
};

/// "127.0.0.1:2222", "[fd00::7]:22", "vsock 3, port 22"
std::string to_text(const SshEndpoint& endpoint);

/// All ways to a guest's sshd, as they are known now.
struct SshWays {
  std::vector<SshEndpoint> usable;  ///< the best first
  std::string awaited;              ///< what will be there without anybody's doing, soon or when the VM runs; or empty
  std::string obstacle;             ///< without a usable one: why, for a person
  std::string hint;                 ///< what to do about that
};

/// A forward of port 22 first; then addresses on networks that reach this host, which those of the user's own do not;
/// then vsock. Pure.
SshWays ssh_ways(const VmInfo& vm);

}  // namespace virtsession::ctl
