// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/bus_name.hpp"

#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "util/bus_source.hpp"
#include "util/sdbus_compat.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace virtsession;
using namespace virtsession::test;

TEST_CASE("The owner of a name is followed as it comes and goes, until the slot is dropped") {
  EventLoop loop;
  const PrivateBus bus;
  const auto connection = bus.connect();
  const BusSource source(loop, *connection, {});
  std::vector<std::pair<std::string, std::string>> changes;
  auto slot = watch_bus_name(*connection, "org.example.Name", [&](const std::string& before, const std::string& after) {
    changes.emplace_back(before, after);
  });
  auto owner = bus.connect();
  sdbus_compat::request_name(*owner, "org.example.Other");
  sdbus_compat::request_name(*owner, "org.example.Name");
  loop_until(loop, "the owner", [&] { return changes.size() == 1; });
  CHECK(changes[0].first.empty());
  CHECK(changes[0].second.starts_with(":"));
  owner.reset();
  loop_until(loop, "the end of the owner", [&] { return changes.size() == 2; });
  CHECK(changes[1].first == changes[0].second);
  CHECK(changes[1].second.empty());
  slot.reset();
  owner = bus.connect();
  sdbus_compat::request_name(*owner, "org.example.Name");
  loop_until_idle(loop);
  CHECK(changes.size() == 2);
}
