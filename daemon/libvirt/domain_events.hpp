// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "libvirt/libvirt_connection.hpp"

#include <libvirt/libvirt.h>

#include <memory>
#include <vector>

namespace virtsession {

/// Registers for everything that changes what we know of a domain: lifecycle (a guest's panic included), reboot, guest
/// agent, metadata. Blocks.
/// \param callbacks gets the ids for virConnectDomainEventDeregisterAny(), also of those before one that failed
/// \return an error when libvirt refuses lifecycle events; the others are left out where a driver does not have them
Result<void> register_domain_events(virConnectPtr connection, const std::weak_ptr<ConnectionListener>& listener,
                                    std::vector<int>& callbacks);

/// Whether a lifecycle event says only that a domain was paused or resumed by a client: nothing else of it can be new.
Extent extent_of(int event, int detail);

/// What a lifecycle event (virDomainEventType and its detail) is to us; nothing when a snapshot tells all there is.
std::optional<DomainEventKind> lifecycle_kind(int event, int detail);

}  // namespace virtsession
