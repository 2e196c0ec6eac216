// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

// A VM as other units of the user see it: virtsession-vm@NAME.service.

using namespace virtsession;
using namespace virtsession::test;

namespace {

using std::chrono::milliseconds;

constexpr const char* kUnits = "/home/alice/.config/systemd/user/";

void write_unit(Desktop& desktop, const std::string& name, const std::string& text) {
  desktop.host().write_file(kUnits + name, text, kUser);
  desktop.systemctl({"daemon-reload"});
}

/// "active", "activating", "failed", "inactive" ...
std::string state_of(Desktop& desktop, const std::string& unit) {
  return output_of(
      desktop.host().user(kUser, {"systemctl", "--user", "show", "--property=ActiveState", "--value", unit}), unit);
}

void wait_state(Desktop& desktop, const std::string& unit, const std::string& state) {
  wait_until([&] { return state_of(desktop, unit) == state; }, kLong, unit + " is " + state, milliseconds(100));
}

std::string status_of(Desktop& desktop, const std::string& unit) {
  return desktop.systemctl({"show", "--property=StatusText", "--value", unit});
}

/// How often a text is in what virtsessiond has said since this boot of the host.
std::size_t count_said(Desktop& desktop, const std::string& text) {
  const auto said = desktop.host().journal({"--boot=0", "--output=cat", "_COMM=virtsessiond"});
  std::size_t count = 0;
  for (auto at = said.find(text); at != std::string::npos; at = said.find(text, at + 1)) ++count;
  return count;
}

bool is_saved(Desktop& desktop, const std::string& name) {
  return std::filesystem::exists(desktop.host().disk_path("/home/alice/.config/libvirt/qemu/save/" + name + ".save"));
}

}  // namespace

TEST_CASE("a VM's unit: units that order after it start when the VM is ready, and stop before it stops by its policy") {
  Desktop desktop;
  desktop.login();
  const auto db = desktop.define({.name = "my db",
                                  .system = System::agent,
                                  .policy = R"({"start_ready": "agent", "stop_actions": ["save"]})",
                                  .kernel_arguments = "guest.agent_delay=5"});
  write_unit(desktop, "app.service",
             "[Unit]\nRequires=virtsession-vm@my\\x20db.service\nAfter=virtsession-vm@my\\x20db.service\n"
             "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
             "ExecStart=sh -c \"virtsessionctl show -p Phase 'my db' >%h/at-start\"\n"
             "ExecStop=sh -c \"virtsessionctl show -p State 'my db' >%h/at-stop\"\n");
  desktop.systemctl({"start", "--no-block", "app.service"});
  const std::string unit = R"(virtsession-vm@my\x20db.service)";
  desktop.wait_for("my db", "Phase", "waiting-ready", kLong);
  CHECK(state_of(desktop, unit) == "activating");
  CHECK(has(status_of(desktop, unit), "waiting-ready: waits to be ready"));
  wait_state(desktop, "app.service", "active");
  CHECK(state_of(desktop, unit) == "active");
  CHECK(desktop.host().read_file("/home/alice/at-start") == "running\n");
  CHECK(has(db.console(), "guest agent starts"));
  desktop.systemctl({"stop", unit});
  CHECK(state_of(desktop, "app.service") == "inactive");
  CHECK(desktop.host().read_file("/home/alice/at-stop") == "running\n");
  CHECK(state_of(desktop, unit) == "inactive");
  CHECK(db.state() == "shut off");
  CHECK(is_saved(desktop, "my db"));
  CHECK(desktop.text("my db", "Intent") == "down");
}

TEST_CASE("a VM's unit follows: a crash that gives up fails it, a guest that shuts down ends it, virsh has its way") {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "web", .system = System::none, .policy = R"({"restart": "on-failure", "restart_limit": 1})"});
  write_unit(desktop, "virtsession-vm@web.service.d/told.conf", "[Unit]\nOnFailure=told.service\n");
  write_unit(desktop, "told.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\n");
  desktop.systemctl({"start", "virtsession-vm@web.service"});
  CHECK(desktop.text("web", "Phase") == "running");
  const auto crash = [&] {
    desktop.run({"kill", "-9", desktop.run({"sh", "-c", "cat $XDG_RUNTIME_DIR/libvirt/qemu/run/web.pid"})});
  };
  crash();
  wait_until(
      [&] {
        const auto vm = desktop.vm("web");
        return vm.at("RestartCount").get<std::uint32_t>() == 1 && vm.at("Phase").get<std::string>() == "running";
      },
      kLong, "it is restarted", milliseconds(100));
  CHECK(state_of(desktop, "virtsession-vm@web.service") == "active");
  crash();
  wait_state(desktop, "virtsession-vm@web.service", "failed");
  wait_state(desktop, "told.service", "active");
  CHECK(has(status_of(desktop, "virtsession-vm@web.service"), "has failed: QEMU crashed, and was restarted 1 times"));

  const auto guest = desktop.define({.name = "guest"});
  guest.start();
  guest.wait_ready();
  desktop.systemctl({"start", "virtsession-vm@guest.service"});  // it runs already
  CHECK(state_of(desktop, "virtsession-vm@guest.service") == "active");
  guest.shutdown();
  wait_state(desktop, "virtsession-vm@guest.service", "inactive");
  guest.start();
  desktop.wait_for("guest", "Phase", "running");
  CHECK(state_of(desktop, "virtsession-vm@guest.service") == "inactive");
  desktop.systemctl({"stop", "virtsession-vm@guest.service"});
  CHECK(guest.state() == "running");
  CHECK_FALSE(
      desktop.host().user(kUser, {"systemctl", "--user", "start", "virtsession-vm@no-such.service"}).succeeded());
  CHECK(has(status_of(desktop, "virtsession-vm@no-such.service"), "no VM of this user has the name or uuid"));
}

TEST_CASE("a VM's unit outlives restarts of virtsessiond and of libvirt's daemon") {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "web", .system = System::none, .policy = R"({"stop_actions": ["poweroff"]})"});
  wait_until_known(desktop, {"web"});
  desktop.systemctl({"start", "virtsession-vm@web.service"});
  const auto unit = desktop.main_pid("virtsession-vm@web.service");
  const auto qemu = desktop.run({"sh", "-c", "cat $XDG_RUNTIME_DIR/libvirt/qemu/run/web.pid"});
  desktop.systemctl({"restart", "virtsessiond.service"});
  desktop.connect();
  desktop.wait_ready();
  desktop.systemctl({"restart", kLibvirtUnit});
  desktop.wait_for("web", "Phase", "running");
  desktop.systemctl({"stop", "virtsessiond.service"});
  wait_until([&] { return has(status_of(desktop, "virtsession-vm@web.service"), "virtsessiond is away"); }, kSoon,
             "the unit sees that virtsessiond is away", milliseconds(100));
  CHECK(desktop.main_pid("virtsession-vm@web.service") == unit);
  CHECK(desktop.run({"sh", "-c", "cat $XDG_RUNTIME_DIR/libvirt/qemu/run/web.pid"}) == qemu);
  desktop.systemctl({"stop", "virtsession-vm@web.service"});  // virtsessiond is started for that
  CHECK(state_of(desktop, "virtsessiond.service") == "active");
  CHECK(state_of(desktop, "virtsession-vm@web.service") == "inactive");
  CHECK(has(desktop.virsh({"domstate", "web"}), "shut off"));
}

TEST_CASE("the timers of the examples start a VM by its unit and save it") {
  Desktop desktop;
  desktop.login();
  const auto web = desktop.define({.name = "web", .kernel_arguments = "guest.tick"});
  wait_until_known(desktop, {"web"});
  const std::filesystem::path examples = std::filesystem::path(VIRTSESSION_TESTS) / "../contrib/examples/schedule";
  for (const auto* const name : {"web-morning.timer", "web-evening.timer", "web-evening.service"}) {
    std::ifstream file(examples / name);
    write_unit(desktop, name, {std::istreambuf_iterator<char>(file), {}});
  }
  const auto comes_now = [&](const std::string& timer) {
    write_unit(desktop, timer + ".d/now.conf", "[Timer]\nOnCalendar=\nOnActiveSec=1ms\n");
    desktop.systemctl({"start", timer});
  };
  comes_now("web-morning.timer");
  web.wait_ready();
  wait_state(desktop, "virtsession-vm@web.service", "active");
  comes_now("web-evening.timer");
  wait_state(desktop, "virtsession-vm@web.service", "inactive");
  CHECK(is_saved(desktop, "web"));
}

TEST_CASE("logout: units only follow, and virtsessiond stops their VMs once, by its one plan") {
  Desktop desktop;
  desktop.login();
  const auto up = desktop.define({.name = "up", .policy = R"({"stop_actions": ["shutdown", "save"]})"});
  const auto slow = desktop.define({.name = "slow",
                                    .system = System::agent,
                                    .policy = R"({"start_ready": "agent", "stop_actions": ["save"]})",
                                    .kernel_arguments = "guest.agent_delay=100"});
  desktop.systemctl({"start", "virtsession-vm@up.service"});
  up.wait_ready();
  desktop.systemctl({"start", "--no-block", "virtsession-vm@slow.service"});
  slow.wait_ready();  // and its unit waits until its agent is there
  desktop.logout();
  CHECK(up.count_on_console(kPowerDown) == 1);
  CHECK(is_saved(desktop, "slow"));
  CHECK(count_said(desktop, "asked for by its unit") == 2);  // the starts
  CHECK(count_said(desktop, "Stopping 2 VMs because of the end of the session") == 1);
  const auto journal = desktop.host().journal({"--boot=0", "--output=cat", "_COMM=its unit"});
  CHECK_FALSE(has(journal, "failed"));
}
