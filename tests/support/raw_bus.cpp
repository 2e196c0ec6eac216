// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/raw_bus.hpp"

#include <doctest/doctest.h>

namespace virtsession::test {

RawBus connect_raw(const std::string& address) {
  sd_bus* opened = nullptr;
  REQUIRE(sd_bus_new(&opened) >= 0);
  RawBus bus(opened);
  REQUIRE(sd_bus_set_address(opened, address.c_str()) >= 0);
  REQUIRE(sd_bus_set_bus_client(opened, 1) >= 0);
  REQUIRE(sd_bus_start(opened) >= 0);
  return bus;
}

}  // namespace virtsession::test
