// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "ssh_way.hpp"
#include "vm_info.hpp"

#include <string>
#include <vector>

namespace virtsession::ctl {

/// What ssh(1) is told about one VM.
struct SshHost {
  std::string uuid;
  std::string name;         ///< by which ssh knows the VM: Host blocks of the person's configuration fit it
  std::string user;         ///< or empty
  std::string known_hosts;  ///< the file of VMs' host keys
};

/// The name by which ssh can know a VM: its own, or its uuid when ssh would take that for a pattern or refuse it.
std::string ssh_name(const VmInfo& vm);

/// ssh and its arguments. A host key is looked for under the VM's uuid: a new port, a new address or another name of
/// the VM is no stranger. \param proxy the command that leads to the sshd where ssh itself cannot (vsock)
/// \param given by the person: options of ssh, which win, and the command for the guest
std::vector<std::string> ssh_command(const SshHost& host, const SshEndpoint& endpoint,
                                     const std::vector<std::string>& proxy, const std::vector<std::string>& given);

/// A block for ssh_config(5). \param proxy the command that leads to the sshd
std::string ssh_config_block(const SshHost& host, const std::vector<std::string>& proxy);

}  // namespace virtsession::ctl
