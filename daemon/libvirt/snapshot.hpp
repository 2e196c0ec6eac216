// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/result.hpp"

#include <libvirt/libvirt.h>

#include <optional>
#include <string>

namespace virtsession {

/// The UUID in its canonical form, as libvirt writes it.
std::string uuid_of(virDomainPtr domain);

/// Reads everything of one domain: six calls to libvirt, seven with the autostart-once flag. Blocks.
/// What libvirt refuses to tell of a domain that is there keeps its default, but a state that cannot be read is
/// `unknown` with libvirt's words as its reason. \return nothing when the domain vanished meanwhile, which is no error;
/// libvirt_unavailable when the connection is lost
Result<std::optional<DomainSnapshot>> read_snapshot(virDomainPtr domain);

/// Reads whether it runs, with one call to libvirt, of a domain that is active and stays so. Blocks.
/// \return nothing when there is more to be read: it is off or gone, an I/O error has paused it, or it cannot be read
std::optional<DomainRunState> read_run_state(virDomainPtr domain);

}  // namespace virtsession
