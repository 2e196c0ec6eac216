// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/autostart_once.hpp"

#include "libvirt/error.hpp"

#include <libvirt/virterror.h>

namespace virtsession {

#if LIBVIR_VERSION_NUMBER >= 11002000

std::optional<bool> autostart_once(virDomainPtr domain) {
  int enabled = 0;
  if (virDomainGetAutostartOnce(domain, &enabled) == 0) return enabled != 0;
  virResetLastError();
  return std::nullopt;
}

Result<void> set_autostart_once(virDomainPtr domain, bool enable) {
  if (virDomainSetAutostartOnce(domain, enable ? 1 : 0) < 0) return last_error(domain);
  return {};
}

#else

std::optional<bool> autostart_once(virDomainPtr /*domain*/) { return std::nullopt; }

Result<void> set_autostart_once(virDomainPtr /*domain*/, bool /*enable*/) {
  return Error{ErrorCode::not_supported, "libvirt has the autostart-once flag from version 11.2 on"};
}

#endif

}  // namespace virtsession
