// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

#include <libvirt/libvirt.h>

#include <optional>

namespace virtsession {

/// The flag that makes libvirt start a domain once at its next start (virDomainSetAutostartOnce, libvirt 11.2). The
/// only place that knows what this build and the daemon can do. All block.

/// Nothing when the build, the daemon or the driver has no such flag, or the domain cannot be asked.
std::optional<bool> autostart_once(virDomainPtr domain);
/// \return not_supported where there is no such flag, or libvirt's error
Result<void> set_autostart_once(virDomainPtr domain, bool enable);

}  // namespace virtsession
