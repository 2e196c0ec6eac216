// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "libvirt/domain_xml.hpp"
#include "plan.hpp"
#include "side.hpp"

#include <string>
#include <vector>

// What is done to the definition of a VM that moves. Each may be done again.

namespace virtsession::move {

/// What a definition that takes part in a move has in its metadata, in kMoveNamespace.
inline constexpr const char* kLeaving = "leaving";
inline constexpr const char* kArriving = "arriving";
inline constexpr const char* kOpening = "opening";  ///< only of a QEMU: it was started to see whether it opens all
inline constexpr const char* kLeft = "left";        ///< of a source that is kept: another is the VM now

/// The mark, or empty.
std::string mark_of(virDomainPtr domain);
Result<void> set_mark(virDomainPtr domain, const char* mark);
Result<void> clear_mark(virDomainPtr domain);
Result<void> set_autostart(virDomainPtr domain, bool on);

/// Defines a VM with a mark.
Result<DomainPtr> define(SideAccess& side, const std::string& xml, const char* mark);
/// Snapshots and checkpoints that the VM does not have yet; their states are in the disks.
Result<void> define_states(virDomainPtr domain, const std::vector<Snapshot>& snapshots,
                           const std::vector<Snapshot>& checkpoints);
/// Has QEMU open everything, without a guest that runs: started paused with a mark of its own, and stopped.
Result<void> try_to_open(virDomainPtr domain);
/// Ends what a killed try_to_open() left: a QEMU with its mark whose guest does not run. \return `busy` when somebody
/// started the VM, or let that guest run: nothing here ends it
Result<void> expect_off(virDomainPtr domain);
/// State of a VM's that libvirt removes with its definition.
struct WithState {
  bool nvram = false;
  bool tpm = false;
};
/// Removes the definition. Its other files stay.
Result<void> undefine(virDomainPtr domain, WithState state);

}  // namespace virtsession::move
