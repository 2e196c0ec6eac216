// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/port_spec.hpp"
#include "vm_info.hpp"

#include <string>
#include <vector>

namespace virtsession::ctl {

/// Whether a word adds (+SPEC) or removes (-SPEC) a forward. No option of ours looks like that.
bool is_port_change(const std::string& word);

/// What becomes of a VM's policy key `ports`.
struct PortChanges {
  std::vector<std::string> ports;  ///< the new value
  std::vector<PortSpec> added;
  std::vector<PortSpec> removed;
  std::vector<PortSpec> kept;  ///< that were to be added, and are there
};

/// Changes the list that is in force: what comes from the configuration stays, too. A removal is found by its meaning,
/// and by the port that an `auto` has now. Pure. \param words +SPEC and -SPEC
/// \throws Failure for a word that is none, and for a forward that is not there
PortChanges change_ports(const VmInfo& vm, const std::vector<std::string>& words);

}  // namespace virtsession::ctl
