// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <memory>
#include <string_view>

namespace virtsession::test {

class Host;

/// Connects to the bus of a user inside the host, as that user: the bus takes nobody else, root included. The user's
/// bus must be there (the user is logged in or lingers). The connection ends with the user manager or the host.
/// @throws std::system_error, sdbus::Error
std::unique_ptr<sdbus::IConnection> connect_to_user_bus(const Host& host, std::string_view user);

/// Connects to the system bus inside the host as root.
std::unique_ptr<sdbus::IConnection> connect_to_system_bus(const Host& host);

}  // namespace virtsession::test
