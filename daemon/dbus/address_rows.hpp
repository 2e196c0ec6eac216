// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/addresses.hpp"
#include "util/variant_map.hpp"

#include <vector>

namespace virtsession {

/// aa{sv}: one dictionary an address, as the property Addresses documents them.
inline std::vector<VariantMap> to_rows(const std::vector<Address>& addresses) {
  std::vector<VariantMap> rows;
  for (const Address& address : addresses) {
    auto& row = rows.emplace_back(VariantMap{{"address", sdbus::Variant(address.address)},
                                             {"nic", sdbus::Variant(address.nic)},
                                             {"mac", sdbus::Variant(address.mac)},
                                             {"source", sdbus::Variant(std::string(to_text(address.source)))}});
    if (!address.forward) continue;
    row.emplace("host_port", sdbus::Variant(address.forward->host.port));
    row.emplace("guest_port", sdbus::Variant(address.forward->guest_port));
    row.emplace("protocol", sdbus::Variant(std::string(to_text(address.forward->host.protocol))));
  }
  return rows;
}

}  // namespace virtsession
