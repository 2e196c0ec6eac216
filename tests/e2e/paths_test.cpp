// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace virtsession;
using namespace virtsession::test;

namespace {

/// A file system that hangs, as one of a network does when its server is gone: FUSE with nobody behind it.
class Hung {
 public:
  Hung(Desktop& desktop, const std::string& unit, const std::string& folder)
      : desktop_(desktop), unit_(unit), folder_(folder) {
    desktop.host().must_exec({"mkdir", "-p", folder});
    desktop.host().must_exec({"systemd-run", "--quiet", "--unit=" + unit, "bash", "-c",
                              "exec 3<>/dev/fuse && mount -i -t fuse -o "
                              "fd=3,rootmode=40000,user_id=0,group_id=0,allow_other hung " +
                                  folder + " && exec sleep infinity"});
    wait_until(
        [&] {
          return desktop.host().exec({"grep", "-q", " " + folder + " ", "/proc/self/mountinfo"}).succeeded();
        },
        kSoon, folder + " is mounted");
  }
  /// It answers with errors, and is gone.
  void end() {
    desktop_.host().must_exec({"systemctl", "stop", unit_});
    desktop_.host().must_exec({"umount", "-l", folder_});
  }

 private:
  Desktop& desktop_;
  std::string unit_, folder_;
};

void check_answers(Desktop& desktop) {
  const auto begun = std::chrono::steady_clock::now();
  CHECK(ctl(desktop, {"status"}).status != 124);
  CHECK(std::chrono::steady_clock::now() - begun < kSoon);
}

}  // namespace

TEST_CASE("a mount that hangs: the VM that waits for it says so, and every other is shut down at logout") {
  Desktop desktop;
  desktop.login();
  const auto fm =
      desktop.define({.name = "fm", .system = System::none, .policy = R"({"start_if_paths": ["/srv/fm"]})"});
  const auto other = desktop.define({.name = "other"});
  fm.set_autostart(true);
  other.set_autostart(true);
  desktop.logout();
  Hung hung(desktop, "hung-server", "/srv/fm");
  desktop.login();
  other.wait_ready();
  desktop.wait_for("fm", "PhaseReason", "/srv/fm does not answer", kLong);
  check_answers(desktop);
  CHECK(has(ctl_out(desktop, {"plan"}), "/srv/fm does not answer"));
  CHECK(ctl(desktop, {"doctor"}).status <= 1);
  desktop.logout();
  CHECK(other.count_on_console(kPowerDown) == 1);

  desktop.login();
  desktop.wait_for("fm", "PhaseReason", "/srv/fm does not answer", kLong);
  hung.end();
  desktop.wait_for("fm", "PhaseReason", "nothing is mounted at /srv/fm", kLong);
  desktop.host().must_exec({"mount", "-t", "tmpfs", "fm", "/srv/fm"});
  desktop.wait_for("fm", "Phase", "running", kLong);
}

TEST_CASE("a home whose state, configuration and autostart folders hang: VMs are shut down at logout") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "a"});
  guest.set_autostart(true);
  guest.start();
  guest.wait_ready();
  desktop.wait_for("a", "Phase", "running");
  Hung state(desktop, "hung-state", "/home/alice/.local/state");
  Hung configuration(desktop, "hung-configuration", "/home/alice/.config/virtsession");
  Hung links(desktop, "hung-links", "/home/alice/.config/libvirt/qemu/autostart");
  ctl(desktop, {"pause", "a"});  // which has the state files written
  check_answers(desktop);
  CHECK_FALSE(ctl(desktop, {"reload"}).succeeded());
  ctl_out(desktop, {"resume", "a"});
  check_answers(desktop);
  desktop.logout();
  CHECK(guest.count_on_console(kPowerDown) == 1);
  state.end();
  configuration.end();
  links.end();
}

TEST_CASE("a mount point counts when something is mounted there, and a disk that comes later starts its VM") {
  Desktop desktop;
  desktop.login();
  desktop.host().must_exec({"mkdir", "-p", "/srv/usb", "/srv/late"});
  desktop.host().must_exec({"sh", "-c", "echo 'usb /srv/usb tmpfs noauto 0 0' >>/etc/fstab"});
  const auto usb =
      desktop.define({.name = "usb", .system = System::none, .policy = R"({"start_if_paths": ["/srv/usb"]})"});
  const auto late = desktop.define({.name = "late", .system = System::none, .disk = "/srv/late/disk.img"});
  usb.set_autostart(true);
  late.set_autostart(true);
  desktop.logout();
  desktop.login();
  desktop.wait_for("usb", "PhaseReason", "nothing is mounted at /srv/usb", kLong);
  desktop.wait_for("late", "PhaseReason", "/srv/late/disk.img does not exist", kLong);
  CHECK(desktop.text("late", "Phase") == "waiting");
  const auto doctor = ctl(desktop, {"doctor"});
  INFO(doctor.out);
  CHECK(has(doctor.out, "nothing is mounted at /srv/usb"));

  desktop.host().must_exec({"mount", "/srv/usb"});
  desktop.wait_for("usb", "Phase", "running", kLong);
  desktop.host().must_exec({"sh", "-c",
                            "truncate -s 1M /srv/late/new && chown alice /srv/late/new && "
                            "mv /srv/late/new /srv/late/disk.img"});
  desktop.wait_for("late", "Phase", "running", kLong);
}

TEST_CASE("a home that is mounted after the user manager has started: its VMs are seen, and the marked ones start") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "marked", .system = System::none});
  guest.set_autostart(true);
  desktop.logout();
  desktop.host().must_exec({"sh", "-c",
                            "mv /home/alice /home/.alice && mkdir /home/alice && chown alice: /home/alice && "
                            "chmod 700 /home/alice"});
  desktop.host().enable_linger(kUser);
  desktop.wait_ready();
  wait_until([&] { return desktop.manager_text("AutostartState") == "done"; }, kLong, "the empty home was read");
  REQUIRE_FALSE(desktop.find("marked"));

  desktop.host().must_exec({"mount", "--bind", "/home/.alice", "/home/alice"});
  desktop.wait_for("marked", "Phase", "running", kLong);
  CHECK(guest.state() == "running");
  CHECK_FALSE(has(ctl(desktop, {"status"}).out, "no virtual machine"));
  CHECK_FALSE(has(ctl(desktop, {"doctor"}).out, "rm "));
}
