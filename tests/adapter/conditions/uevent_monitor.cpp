// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/uevent_monitor.hpp"

#include "support/loop_until.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <string_view>

namespace virtsession {
namespace {

using namespace std::string_view_literals;
using test::loop_until;

constexpr auto kNull = "/sys/class/mem/null/uevent";  // of the subsystem "mem"

/// Lets the kernel announce a device anew (sysfs-uevent of its ABI documents).
bool announce(const char* device) {
  std::ofstream file(device);
  file << "change" << std::flush;
  return file.good();
}

TEST_CASE("A message of the kernel is known by its subsystem") {
  constexpr auto kMessage =
      "change@/devices/x/power_supply/AC\0ACTION=change\0DEVPATH=/devices/x/power_supply/AC\0"
      "SUBSYSTEM=power_supply\0POWER_SUPPLY_NAME=AC\0SEQNUM=1041\0"sv;
  CHECK(is_uevent_of(kMessage, "power_supply"));
  CHECK_FALSE(is_uevent_of(kMessage, "power"));
  CHECK_FALSE(is_uevent_of(kMessage, "power_supply_"));
  CHECK_FALSE(is_uevent_of("libudev\0\xfe\xed\xca\xfe"sv, "power_supply"));
  CHECK_FALSE(is_uevent_of("change@/SUBSYSTEM=power_supply\0"sv, "power_supply"));
  CHECK(is_uevent_of("x\0SUBSYSTEM=net"sv, "net"));
  CHECK_FALSE(is_uevent_of(""sv, ""));
}

TEST_CASE("The kernel's announcements of one subsystem are heard, others are not") {
  if (!announce(kNull)) {
    MESSAGE("Not run: only root may let the kernel announce a device");
    return;
  }
  EventLoop loop;
  int memory = 0;
  int others = 0;
  const UeventMonitor of_memory(loop, "mem", [&] { ++memory; });
  const UeventMonitor of_others(loop, "me", [&] { ++others; });  // which no device is of
  REQUIRE(announce(kNull));
  // The kernel has handed it to both before the announcement returned.
  loop_until(loop, "the announcement of a memory device", [&] { return memory > 0; });
  test::loop_until_idle(loop);
  CHECK(others == 0);
}

TEST_CASE("A monitor may go in its own handler") {
  if (!announce(kNull)) return;
  EventLoop loop;
  std::unique_ptr<UeventMonitor> monitor;
  monitor = std::make_unique<UeventMonitor>(loop, "mem", [&] { monitor.reset(); });
  REQUIRE(announce(kNull));
  loop_until(loop, "the monitor's end", [&] { return monitor == nullptr; });
}

}  // namespace
}  // namespace virtsession
