// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sdbus-c++/Types.h>

#include <functional>
#include <string>

namespace sdbus {
class IConnection;
}

namespace virtsession {

/// Calls `changed` from the connection's loop whenever the owner of a bus name comes, goes or is another one, by their
/// unique names; empty: there is none. Until the slot is dropped. Waits for the bus daemon, as every new match does.
/// \throws sdbus::Error
sdbus::Slot watch_bus_name(sdbus::IConnection& connection, const std::string& name,
                           std::function<void(const std::string& old_owner, const std::string& new_owner)> changed);

}  // namespace virtsession
