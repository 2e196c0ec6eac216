// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/bus_name.hpp"

#include "util/sdbus_compat.hpp"

#include <utility>

namespace virtsession {

sdbus::Slot watch_bus_name(sdbus::IConnection& connection, const std::string& name,
                           std::function<void(const std::string& old_owner, const std::string& new_owner)> changed) {
  const auto rule =
      "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
      "member='NameOwnerChanged',arg0='" +
      name + "'";
  return sdbus_compat::add_match(connection, rule, [changed = std::move(changed)](sdbus::Message& message) {
    std::string changed_name;
    std::string old_owner;
    std::string new_owner;
    message >> changed_name >> old_owner >> new_owner;
    changed(old_owner, new_owner);
  });
}

}  // namespace virtsession
