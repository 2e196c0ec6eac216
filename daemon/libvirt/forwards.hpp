// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/operation.hpp"
#include "core/result.hpp"

#include <libvirt/libvirt.h>

#include <optional>
#include <string_view>
#include <vector>

namespace virtsession {

// Calls to libvirt about forwards. They block.

/// The forwards of QEMU's user networking in what its monitor says to "info usernet", by libvirt's aliases. What was
/// set up past libvirt, by QEMU's command line, has none and is left out.
std::vector<Forward> parse_usernet(std::string_view text);

/// Changes the forwards of a domain that runs, and asks what is there then. What QEMU refuses is no error but in the
/// report, with who has the port. Marks the domain as tainted (custom-monitor), which is a word in libvirt's log.
/// \return not_supported where libvirt has no monitor to ask
Result<ForwardReport> sync_forwards(virDomainPtr domain, const call::SyncForwards& call);
/// Changes the definition, and what the VM was saved with, see with_own_forwards().
Result<void> define_forwards(virDomainPtr domain, const call::DefineForwards& call);
/// Before a start: passt fails, and the start with it, when a port is taken. Those that virtsessiond has put into the
/// definition are taken out again when they would. A VM that is saved gets those of its definition: it may have been
/// saved with others. \return those that were taken out; nothing when there are none
std::optional<ForwardReport> prepare_forwards(virDomainPtr domain);

}  // namespace virtsession
