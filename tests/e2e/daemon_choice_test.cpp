// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

// Which of libvirt's two session daemons it is, and what of the other one must not disturb its user. Where a system has
// both: tests/run.sh compat trixie virtqemud.

using namespace virtsession;
using namespace virtsession::test;

namespace {

const std::string kOtherSocket = kLibvirtSocket == "libvirt-sock" ? "virtqemud-sock" : "libvirt-sock";

/// Whether the host has both now. A system that only brings one of them may have put the other aside.
bool both_are_installed(const Host& host) {
  const auto other = "/usr/sbin/" + kOtherDaemon;
  host.exec({"mv", other + ".distrib", other});
  if (host.exec({"test", "-x", other}).succeeded()) return true;
  MESSAGE("there is no " << kOtherDaemon << " here");
  return false;
}

void configure_daemon(Desktop& desktop, const std::string& daemon) {
  desktop.host().write_file("/home/alice/.config/virtsession/config.json", R"({"libvirt_daemon": ")" + daemon + "\"}",
                            kUser);
}

void change_to_the_other(Desktop& desktop) {
  configure_daemon(desktop, kOtherDaemon);
  desktop.systemctl({"reload", "virtsessiond"});
  wait_until(
      [&] {
        return desktop.manager_text("LibvirtDaemon") == kOtherDaemon && desktop.manager_text("LibvirtState") == "ready";
      },
      kLong, kOtherDaemon + " has taken over");
}

std::string journal_of_virtsessiond(Desktop& desktop) {
  return desktop.run({"journalctl", "--user", "--unit=virtsessiond", "--output=cat"});
}

/// The socket of a daemon that is gone.
void leave_socket(Desktop& desktop, const std::string& name) {
  desktop.run({"python3", "-c",
               "import os, socket; socket.socket(socket.AF_UNIX).bind(os.environ['XDG_RUNTIME_DIR'] + '/libvirt/" +
                   name + "')"});
}

}  // namespace

TEST_CASE("the other daemon by configuration: it takes over, and VMs run on") {
  Desktop desktop;
  if (!both_are_installed(desktop.host())) return;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto pid = guest.qemu_pid();
  change_to_the_other(desktop);
  CHECK(desktop.main_pid("virtsession-" + kOtherDaemon + ".service") > 0);
  CHECK(desktop.main_pid(kLibvirtUnit) == 0);
  desktop.virsh({"list"});
  CHECK(desktop.host().user(kUser, {"pgrep", "-u", kUser, "-x", kLibvirtDaemon}).status != 0);
  CHECK(guest.qemu_pid() == pid);
  desktop.wait_for("a", "Phase", "running");
}

TEST_CASE("a configured daemon that is not installed is refused by its name, and what runs is kept") {
  Desktop desktop;
  desktop.host().must_exec({"rm", "-f", "/usr/sbin/" + kOtherDaemon});
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto daemon = desktop.main_pid(kLibvirtUnit);
  const auto qemu = guest.qemu_pid();
  configure_daemon(desktop, kOtherDaemon);
  const auto refused = wait_for(desktop.api().call(std::string(kRootPath), kManagerInterface, "Reload", VariantMap()));
  CHECK(refused.error_name == "org.virtsession.Supervisor1.Error.InvalidConfig");
  CHECK(refused.mentions(kOtherDaemon));
  const auto holds = [&] {
    CHECK(desktop.manager_text("LibvirtState") == "ready");
    CHECK(desktop.manager_text("LibvirtDaemon") == kLibvirtDaemon);
    CHECK(desktop.main_pid(kLibvirtUnit) == daemon);
    CHECK(guest.qemu_pid() == qemu);
  };
  holds();
  desktop.systemctl({"restart", "virtsessiond"});
  desktop.wait_ready();
  holds();
  CHECK(has(journal_of_virtsessiond(desktop), kOtherDaemon));
}

TEST_CASE("the sockets of both daemons are enabled: the same one serves at each login, and doctor tells of it") {
  Desktop desktop;
  if (!both_are_installed(desktop.host())) return;
  desktop.host().must_exec(
      {"systemctl", "--global", "enable", "virtsession-libvirtd.socket", "virtsession-virtqemud.socket"});
  for (int i = 0; i < 4; ++i) {
    desktop.login();
    CHECK(desktop.manager_text("LibvirtDaemon") == kLibvirtDaemon);
    CHECK(desktop.main_pid(kLibvirtUnit) > 0);
    desktop.virsh({"list"});
    if (i == 0) {
      const auto found = ctl(desktop, {"doctor"}).out;
      INFO(found);
      CHECK(has(found, "virtsession-" + kOtherDaemon + ".socket"));
    }
    desktop.logout();
  }
}

TEST_CASE("a change of daemons by a reload says what happens, and nothing of strangers") {
  Desktop desktop;
  if (!both_are_installed(desktop.host())) return;
  desktop.login();
  change_to_the_other(desktop);
  const auto journal = journal_of_virtsessiond(desktop);
  INFO(journal);
  CHECK_FALSE(has(journal, "which a client started"));
  CHECK_FALSE(has(journal, "Libvirt lost"));
  CHECK(has(journal, kOtherDaemon));
  // Nor has doctor a command that would bring the first one back.
  const auto found = ctl(desktop, {"doctor"}).out;
  INFO(found);
  CHECK_FALSE(has(found, "nothing starts VMs"));
  CHECK_FALSE(has(found, "enable --now virtsession-" + kLibvirtDaemon));
}

TEST_CASE("the socket that the other daemon left behind decides nothing") {
  Desktop desktop(false);
  if (!both_are_installed(desktop.host())) return;
  desktop.host().login(kUser);
  desktop.run({kOtherDaemon, "--daemon"});
  const auto guest = desktop.define({.name = "a", .system = System::none});
  guest.start();
  const auto pid = guest.qemu_pid();
  desktop.host().must_exec({"pkill", "-KILL", "-x", kOtherDaemon});

  desktop.systemctl({"enable", "--now", "virtsessiond.service"});
  desktop.wait_ready();
  CHECK(desktop.manager_text("LibvirtDaemon") == kLibvirtDaemon);
  CHECK(desktop.main_pid(kLibvirtUnit) > 0);
  CHECK(desktop.virsh({"list", "--name"}).find("a") != std::string::npos);
  CHECK(guest.qemu_pid() == pid);
  desktop.wait_for("a", "Phase", "running");
}

TEST_CASE("a socket that nobody listens on keeps no client from the managed daemon") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.run_vm("a");
  const auto qemu = guest.qemu_pid();
  const auto is_reached = [&] {
    return desktop.host().user(kUser, {"virsh", "-c", "qemu:///session", "list"}).succeeded();
  };
  const auto left = desktop.run({"sh", "-c", "echo $XDG_RUNTIME_DIR"}) + "/libvirt/" + kOtherSocket;
  for (const bool restart : {true, false}) {
    CAPTURE(restart);
    leave_socket(desktop, kOtherSocket);
    if (restart) {
      desktop.systemctl({"restart", "virtsessiond"});
      desktop.wait_ready();
    }
    CHECK(desktop.manager_text("LibvirtDaemon") == kLibvirtDaemon);
    wait_until(is_reached, kSoon, "clients reach the managed daemon");
    wait_until([&] { return !desktop.host().exec({"test", "-e", left}).succeeded(); }, kSoon, "the file is removed");
    CHECK(desktop.manager_text("LibvirtState") == "ready");
  }
  CHECK(guest.qemu_pid() == qemu);
  CHECK(has(journal_of_virtsessiond(desktop), kOtherSocket));
}

TEST_CASE("what virtqemud forks beside itself is no left-over process of its unit") {
  Desktop desktop;
  if (kLibvirtDaemon != "virtqemud" || !desktop.host().exec({"test", "-x", "/usr/sbin/virtsecretd"}).succeeded()) {
    MESSAGE("no modular daemons here");
    return;
  }
  desktop.login();
  // An encrypted disk has virtqemud look for its secret, in another daemon.
  desktop.run({"sh", "-c", "qemu-img create -f raw ~/disk.img 1M"});
  const auto guest = desktop.define(
      {.name = "a",
       .system = System::none,
       .devices = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/home/alice/disk.img'>"
                  "<encryption format='luks'><secret type='passphrase' uuid='6dd3e4a5-1d76-44ce-961f-f119f5aad935'/>"
                  "</encryption></source><target dev='vdb' bus='virtio'/></disk>\n"});
  CHECK_FALSE(guest.virsh("start").succeeded());  // there is no such secret
  CHECK(desktop.main_pid("virtsession-virtsecretd.service") > 0);
  CHECK(desktop.host().must_exec({"pgrep", "-c", "-x", "virtsecretd"}) == "1");
  desktop.systemctl({"restart", kLibvirtUnit});
  const auto journal = desktop.host().journal({"--boot=0", "--output=cat"});
  INFO(journal);
  CHECK_FALSE(has(journal, "left-over process"));
  CHECK_FALSE(has(journal, "remains running after unit stopped"));
}
