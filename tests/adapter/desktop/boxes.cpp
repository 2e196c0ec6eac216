// SPDX-License-Identifier: LGPL-2.1-or-later
#include "desktop/boxes.hpp"

#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "util/bus_source.hpp"
#include "util/sdbus_compat.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace virtsession {
namespace {

constexpr auto kBoxesName = "org.gnome.Boxes";

TEST_CASE("GNOME Boxes is open while it owns its name, also when it was before") {
  EventLoop loop;
  const test::PrivateBus bus;
  const auto connection = bus.connect();
  const BusSource source(loop, *connection, {});
  auto application = bus.connect();
  sdbus_compat::request_name(*application, kBoxesName);
  std::vector<bool> told;
  const Boxes boxes(*connection, [&](bool open) { told.push_back(open); });
  test::loop_until(loop, "that it is open", [&] { return told == std::vector{true}; });
  application.reset();
  test::loop_until(loop, "that it is closed", [&] { return told == std::vector{true, false}; });
  application = bus.connect();
  sdbus_compat::request_name(*application, kBoxesName);
  test::loop_until(loop, "that it is open again", [&] { return told == std::vector{true, false, true}; });
}

TEST_CASE("Nothing is told of GNOME Boxes where it is not open") {
  EventLoop loop;
  const test::PrivateBus bus;
  const auto connection = bus.connect();
  const BusSource source(loop, *connection, {});
  std::vector<bool> told;
  const Boxes boxes(*connection, [&](bool open) { told.push_back(open); });
  test::loop_until_idle(loop);
  CHECK(told.empty());
}

}  // namespace
}  // namespace virtsession
