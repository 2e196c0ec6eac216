// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <filesystem>

// VMs that a connection starts: virtsessionctl on-demand.

using namespace virtsession;
using namespace virtsession::test;

namespace {

using std::chrono::milliseconds;

constexpr const char* kOnDemandNic = "<interface type='user'><model type='virtio'/></interface>";
const std::string kUnitOfWeb = R"(virtsession-vm@web\x20site.service)";

/// What somebody who connects to the port is told, once; empty when nobody answers.
std::string ask(Desktop& desktop, const std::string& port) {
  return desktop.host()
      .user(kUser, {"timeout", "100", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/" + port + " && cat <&3"},
            {.timeout = std::chrono::seconds(120)})
      .out;
}

std::string unit_state(Desktop& desktop, const std::string& unit) {
  return desktop.systemctl({"show", "--property=ActiveState", "--value", unit});
}

void wait_saved(Desktop& desktop) {
  wait_until(
      [&] {
        const auto vm = desktop.vm("web site");
        return vm.at("ManagedSave").get<bool>() && vm.at("State").get<std::string>() == "shut-off";
      },
      kLong, "it is saved", milliseconds(50));
}

}  // namespace

TEST_CASE(
    "on demand: the first connection starts or restores a VM and is answered, and it is saved when none is left") {
  const std::string port = "24681";
  Desktop desktop;
  desktop.login();
  const auto web = desktop.define(
      {.name = "web site", .kernel_arguments = "guest.listen=80 guest.listen_delay=3", .devices = kOnDemandNic});
  wait_until_known(desktop, {"web site"});
  CHECK(has(ctl_out(desktop, {"on-demand", "web site", port + ":80", "--idle", "4s"}),
            "web site: a connection to 127.0.0.1:" + port + " starts it, and it stops when none is left for 4s"));
  CHECK(has(ctl_out(desktop, {"list"}), "on demand"));
  CHECK(ctl_json(desktop, {"list"})[0]["OnDemand"][0]["listen"] == "127.0.0.1:" + port);
  CHECK(ctl_out(desktop, {"policy", "web site", "stop_actions"}) == "save,shutdown,poweroff\n");
  CHECK(web.state() == "shut off");

  CHECK(ask(desktop, port) == "guest web\n");  // it had to boot, and its service to start
  CHECK(unit_state(desktop, kUnitOfWeb) == "active");
  CHECK(desktop.text("web site", "Phase") == "running");
  wait_saved(desktop);
  wait_until([&] { return unit_state(desktop, kUnitOfWeb) == "inactive"; }, kSoon, "its unit is inactive");
  CHECK(ask(desktop, port) == "guest web\n");
  CHECK_MESSAGE(web.count_on_console("guest ready") == 1, "it was restored, not booted");

  // One that comes while it is being saved waits until it can be restored.
  wait_until([&] { return unit_state(desktop, kUnitOfWeb) == "deactivating"; }, kLong, "it is being stopped");
  CHECK(ask(desktop, port) == "guest web\n");
  CHECK(web.count_on_console("guest ready") == 1);
  wait_saved(desktop);

  // What a person has started runs on when nobody is connected.
  wait_until([&] { return unit_state(desktop, kUnitOfWeb) == "inactive"; }, kSoon, "its unit is inactive");
  web.start();
  desktop.wait_for("web site", "Phase", "running");
  CHECK(ask(desktop, port) == "guest web\n");
  CHECK(unit_state(desktop, kUnitOfWeb) == "active");
  wait_until([&] { return unit_state(desktop, kUnitOfWeb) == "inactive"; }, kLong, "its unit is inactive");
  CHECK(web.state() == "running");

  CHECK(ctl_out(desktop, {"on-demand", "web site", "--remove"}) == "web site: is not started on demand any more\n");
  CHECK_FALSE(has(ctl_out(desktop, {"list"}), "on demand"));
  CHECK(ctl_json(desktop, {"list"})[0]["PolicyOverrides"].empty());
  CHECK(desktop.run({"sh", "-c", "find ~/.config/systemd/user -type f -o -type l"}).empty());
  CHECK(ask(desktop, port).empty());
  CHECK(web.state() == "running");
}

TEST_CASE("on demand: who connects to a VM that cannot start is let go, each time, and served when it can") {
  const std::string port = "24685";
  Desktop desktop;
  desktop.login();
  run_beside(desktop, "taker", {"python3", "-m", "http.server", "5999", "--bind", "127.0.0.1"});
  wait_until(
      [&] {
        return desktop.host().user(kUser, {"bash", "-c", "</dev/tcp/127.0.0.1/5999"}).succeeded();
      },
      kSoon, "the port of its display is taken");
  const auto web =
      desktop.define({.name = "web site",
                      .policy = R"({"start_retries": 0})",
                      .kernel_arguments = "guest.listen=80",
                      .devices = kOnDemandNic + std::string("<graphics type='vnc' port='5999' listen='127.0.0.1'/>")});
  wait_until_known(desktop, {"web site"});
  ctl_out(desktop, {"on-demand", "web site", port + ":80"});
  // More often than systemd lets a unit fail.
  for (int i = 0; i < 25; ++i) CHECK(ask(desktop, port).empty());
  CHECK_FALSE(desktop.text("web site", "LastError").empty());
  desktop.systemctl({"stop", "taker"});
  CHECK(ask(desktop, port) == "guest web\n");
  CHECK(web.state() == "running");
}

TEST_CASE("on demand: what cannot be is refused, and files of others are left alone") {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "web", .system = System::none, .devices = kOnDemandNic});
  desktop.define({.name = "alone", .system = System::none});
  wait_until_known(desktop, {"web", "alone"});
  run_beside(desktop, "taken", {"busybox", "nc", "-ll", "-p", "24682", "-e", "true"});
  wait_until(
      [&] {
        return has(ctl_err(desktop, {"on-demand", "web", "24682:80"}, 1), "Address already in use");
      },
      kSoon, "the port is taken", milliseconds(200));
  CHECK(has(ctl_err(desktop, {"on-demand", "web", "80:80"}, 1), "Permission denied"));
  CHECK(has(ctl_err(desktop, {"on-demand", "alone", "24683:80"}, 1), "no network card of type user"));
  const std::string file = "/home/alice/.config/systemd/user/virtsession-on-demand-web-24683.socket";
  desktop.host().write_file(file, "# mine\n", kUser);
  CHECK(has(ctl_err(desktop, {"on-demand", "web", "24683:80"}, 1), "was not made by virtsessionctl on-demand"));
  CHECK(desktop.host().read_file(file) == "# mine\n");
  CHECK(ctl_out(desktop, {"policy", "web", "ports"}) == "\n");
}

TEST_CASE("logout: a VM on demand that somebody is connected to is stopped once, by the one plan") {
  const std::string port = "24684";
  Desktop desktop;
  desktop.login();
  const auto web = desktop.define({.name = "web site", .kernel_arguments = "guest.listen=80", .devices = kOnDemandNic});
  wait_until_known(desktop, {"web site"});
  ctl_out(desktop, {"on-demand", "web site", port + ":80", "--idle", "1h"});
  CHECK(ask(desktop, port) == "guest web\n");
  desktop.logout();
  CHECK(std::filesystem::exists(desktop.host().disk_path("/home/alice/.config/libvirt/qemu/save/web site.save")));
  const auto said = desktop.host().journal({"--boot=0", "--output=cat", "_COMM=virtsessiond"});
  CHECK(has(said, "Stopping 1 VM because of the end of the session"));
  CHECK_FALSE(has(said, "is being saved asked for by"));
  desktop.login();
  CHECK(web.state() == "shut off");  // until somebody connects
  CHECK(ask(desktop, port) == "guest web\n");
}
