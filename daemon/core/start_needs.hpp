// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace virtsession {

struct Context;
class Vm;
class Vms;
struct WantedFacts;

// A VM that could not be started for want of a disk's file, or of a USB device of the host, is started when it comes.
// The files and devices of a VM that gave up are watched; while one is missing, the VM waits instead.

/// What the definition of a VM needs of the host and is known to be missing, for a person: "/srv/web.qcow2 does not
/// exist". What is not known is not missing.
std::vector<std::string> missing_needs(const Vm& vm);

/// Adds what VMs that gave up, or wait for what was missing, have to know of the host.
void add_needs_wanted(WantedFacts& wanted, const Vms& vms);

/// Has VMs wait that gave up and lack something.
void wait_for_needs(Vms& vms);

}  // namespace virtsession
