// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "vm_info.hpp"

#include <string>

namespace virtsession::ctl {

/// Where a forward listens: "127.0.0.1:2222", "[::1]:2222", "127.0.0.1:auto" while its port is not chosen.
/// \param forward a row of the property Forwards
std::string forward_host_text(const Properties& forward);

/// "127.0.0.1:2222 -> port 22 of the guest", with "(UDP)" if it is
std::string forward_text(const Properties& forward);

}  // namespace virtsession::ctl
