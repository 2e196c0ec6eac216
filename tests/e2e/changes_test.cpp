// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// Whether a signal under the root says that `property` of the VM at `path` has changed.
bool says(const std::vector<SeenSignal>& signals, const std::string& path, const std::string& property) {
  for (const auto& signal : signals)
    if (signal.member == "PropertiesChanged" && signal.path == path && signal.changed.contains(property)) return true;
  return false;
}

}  // namespace

TEST_CASE("what virsh does is on D-Bus, by signal and property") {
  Desktop desktop;
  desktop.login();
  desktop.api().signals();
  const auto guest = desktop.define({.name = "a", .system = System::none, .title = "First"});
  const auto wait_for_signal = [&](const std::string& path, const std::string& property) {
    std::vector<SeenSignal> all;
    wait_until(
        [&] {
          for (auto& signal : desktop.api().signals()) all.push_back(std::move(signal));
          return says(all, path, property);
        },
        kSoon, "a signal says that " + property + " has changed");
  };

  wait_until([&] { return desktop.find("a").has_value(); }, kSoon, "the defined domain is there");
  const auto path = *desktop.find("a");
  bool added = false;
  for (const auto& signal : desktop.api().signals()) added |= signal.member == "InterfacesAdded" && signal.path == path;
  CHECK(added);
  CHECK(desktop.text("a", "Title") == "First");

  desktop.virsh({"autostart", "a"});
  wait_for_signal(path, "Autostart");
  CHECK(desktop.flag("a", "Autostart"));
  desktop.virsh({"autostart", "--disable", "a"});
  wait_for_signal(path, "Autostart");
  CHECK_FALSE(desktop.flag("a", "Autostart"));

  desktop.virsh({"domrename", "a", "b"});
  wait_for_signal(path, "Name");
  CHECK(desktop.find("b") == path);

  desktop.virsh({"start", "b"});
  wait_for_signal(path, "State");
  CHECK(desktop.text("b", "State") == "running");
  desktop.virsh({"suspend", "b"});
  wait_for_signal(path, "State");
  CHECK(desktop.text("b", "State") == "paused");
  desktop.virsh({"destroy", "b"});
  wait_for_signal(path, "State");
  CHECK(desktop.text("b", "State") == "shut-off");

  desktop.virsh({"metadata", "b", "--uri", "https://virtsession.org/policy/1", "--key", "v", "--config", "--set",
                 R"(<policy>{"start_order": 7}</policy>)"});
  wait_for_signal(path, "Policy");

  desktop.virsh({"undefine", "b"});
  wait_until([&] { return !desktop.find("b"); }, kSoon, "the undefined domain is gone");
}

TEST_CASE("an autostart flag set by virsh is on D-Bus within 100 ms") {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "a", .system = System::none});
  wait_until([&] { return desktop.find("a").has_value(); }, kSoon, "the domain is there");
  const auto path = *desktop.find("a");
  // The first time the folder of links does not exist yet; the flag must be seen all the same, and each time quickly.
  for (const bool on : {true, false, true}) {
    desktop.api().signals();
    on ? desktop.virsh({"autostart", "a"}) : desktop.virsh({"autostart", "--disable", "a"});
    const auto set = std::chrono::steady_clock::now();
    std::vector<SeenSignal> all;
    wait_until(
        [&] {
          for (auto& signal : desktop.api().signals()) all.push_back(std::move(signal));
          return says(all, path, "Autostart");
        },
        kSoon, "the flag is on D-Bus");
    CHECK(std::chrono::steady_clock::now() - set < std::chrono::milliseconds(100));
  }
}

TEST_CASE("the methods of a VM do what they say with a real guest") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .kernel_arguments = "guest.tick"});
  wait_until([&] { return desktop.find("a").has_value(); }, kSoon, "the domain is there");
  CHECK(desktop.call("a", "Start").error_name == "");
  CHECK(guest.state() == "running");
  guest.wait_ready();
  CHECK(desktop.call("a", "Pause").error_name == "");
  CHECK(desktop.text("a", "State") == "paused");
  CHECK(desktop.call("a", "Resume").error_name == "");
  CHECK(desktop.text("a", "State") == "running");

  const auto uptime = guest.last_uptime();
  CHECK(desktop.call("a", "Save").error_name == "");
  CHECK(desktop.text("a", "State") == "shut-off");
  CHECK(desktop.flag("a", "ManagedSave"));
  CHECK(desktop.call("a", "Start").error_name == "");
  wait_until([&] { return guest.last_uptime() > uptime; }, kLong, "the guest goes on where it was saved");
  CHECK(guest.count_on_console("guest ready: a") == 1);

  CHECK(desktop.call("a", "Shutdown", {{"timeout_sec", sdbus::Variant(60.0)}}).error_name == "");
  CHECK(guest.count_on_console(kPowerDown) == 1);
  CHECK(desktop.text("a", "State") == "shut-off");

  CHECK(desktop.call("a", "Start").error_name == "");
  guest.wait_ready(2);
  CHECK(desktop.call("a", "Reboot").error_name == "");
  CHECK(desktop.call("a", "PowerOff").error_name == "");
  CHECK(desktop.text("a", "State") == "shut-off");
}

TEST_CASE("a guest that ignores the power button: Shutdown says so in time") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a", .system = System::stubborn});
  guest.start();
  guest.wait_ready();
  desktop.wait_for("a", "Phase", "running");
  const auto outcome = desktop.call("a", "Shutdown", {{"timeout_sec", sdbus::Variant(2.0)}});
  CHECK(outcome.error_name == "org.virtsession.Supervisor1.Error.TimedOut");
  CHECK(desktop.text("a", "State") == "running");
  CHECK(desktop.text("a", "Phase") == "running");
  CHECK(desktop.text("a", "LastError").find("did not shut down") != std::string::npos);
}
