// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/addresses.hpp"
#include "core/operation.hpp"
#include "core/result.hpp"

#include <libvirt/libvirt.h>

namespace virtsession {

/// Asks for the addresses of a domain that runs. Blocks: the table of neighbours for milliseconds, a guest's agent for
/// as long as it likes; libvirt gives up after 5 s on one that does not answer at all.
/// \param found what was found, also by one source when the other failed
/// \return libvirt's error when a source that was asked failed and no other has found an address
Result<void> read_addresses(virDomainPtr domain, const call::ReadAddresses& question, FoundAddresses& found);

}  // namespace virtsession
