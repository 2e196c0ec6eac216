// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"
#include "console.hpp"
#include "vm_info.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace virtsession::ctl {

/// What a verb that goes into a VM wants of it.
struct VmWanted {
  bool start = false;         ///< start it when it is off; virtsessiond, too
  std::string start_command;  ///< all of it that stands before the VM: "virtsessionctl ssh --start root@"
};

/// A client that can be asked about VMs, after libvirt was waited for. \throws Failure
Client client_for(Console& console, const VmWanted& wanted);

/// The VM, not off. \param vm as the client showed it \return it as it is now
/// \throws Failure when it is off and should not be started, or cannot be
VmInfo bring_up(Client& client, Console& console, const VmInfo& vm, const VmWanted& wanted,
                std::optional<std::chrono::milliseconds> at_most = std::nullopt);

}  // namespace virtsession::ctl
