// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

// The doctor on a host where something is wrong. What it makes of what it sees is tests/adapter/doctor's; here is that
// it sees it, and that its commands mend it.

using namespace virtsession;
using namespace virtsession::test;
using nlohmann::json;

namespace {

/// What doctor found.
struct Diagnosis {
  json rows;
  int status = 0;

  /// Those of a check that are not "ok", and of one VM if it is named.
  std::vector<json> of(const std::string& id, const std::string& subject = {}) const {
    std::vector<json> found;
    for (const auto& row : rows)
      if (row.at("id") == id && row.at("severity") != "ok" && (subject.empty() || row.at("subject") == subject))
        found.push_back(row);
    return found;
  }
  /// The only one.
  json one(const std::string& id, const std::string& severity, const std::string& subject = {}) const {
    const auto found = of(id, subject);
    INFO(rows.dump(1));
    REQUIRE(found.size() == 1);
    CHECK(found.front().at("severity") == severity);
    return found.front();
  }
  /// Problems but for the machine's own: what its KVM is like is none of the host's.
  std::set<std::string> problems() const {
    std::set<std::string> ids;
    for (const auto& row : rows)
      if (const auto id = row.at("id").get<std::string>(); row.at("severity") == "problem" && !id.starts_with("kvm-"))
        ids.insert(id);
    return ids;
  }
};

Diagnosis doctor(Desktop& desktop) {
  const auto result = ctl(desktop, {"doctor", "--json"});
  INFO(result.err);
  Diagnosis found{json::parse(result.out), result.status};
  const bool problem = std::ranges::any_of(found.rows, [](const json& row) { return row.at("severity") == "problem"; });
  CHECK(found.status == (problem ? 1 : 0));
  return found;
}

/// Does what doctor says, as a person would who copies the command.
void mend(Desktop& desktop, const json& row) {
  auto command = row.at("fix").get<std::string>();
  INFO(row.dump());
  REQUIRE(!command.empty());
  if (!has(command, "sudo ")) {
    desktop.run({"sh", "-c", command});
    return;
  }
  for (std::size_t at; (at = command.find("sudo ")) != std::string::npos;) command.erase(at, 5);
  desktop.host().must_exec({"sh", "-c", command});
}

}  // namespace

TEST_CASE("virtsessionctl doctor: what is wrong is told, with the command that mends it") {
  Desktop desktop;
  desktop.login();
  const auto fine = desktop.define({.name = "fine", .system = System::none});
  const auto lost = desktop.define({.name = "lost", .system = System::none});
  wait_until_known(desktop, {"fine", "lost"});
  ctl_out(desktop, {"start", "fine", "lost"});
  CHECK(doctor(desktop).problems() == std::set<std::string>{});

  // A bridge: nobody may use it, nobody has allowed it, there is none, and its device is root's.
  const auto bridged = desktop.define({.name = "bridged",
                                       .system = System::none,
                                       .devices = "<interface type='bridge'><source bridge='virbr7'/>"
                                                  "<model type='virtio'/><rom enabled='no'/></interface>\n"});
  wait_until_known(desktop, {"bridged"});
  desktop.host().must_exec({"sh", "-c", "rm -rf /etc/qemu; chmod 755 /usr/lib/qemu/qemu-bridge-helper"});
  // A node of the host's own, since its /dev is the machine's.
  desktop.host().must_exec({"sh", "-c", "mknod -m 600 /root/tun c 10 200 && mount --bind /root/tun /dev/net/tun"});
  CHECK(has(ctl_err(desktop, {"start", "bridged"}, 1), "virtsessionctl logs bridged"));
  auto found = doctor(desktop);
  const std::set<std::string> about_bridges{"bridge-helper", "bridge-tun", "bridge-allowed", "bridge-exists"};
  auto with_its_failure = about_bridges;
  with_its_failure.insert("vm-failed");
  CHECK(found.problems() == with_its_failure);
  const auto text = ctl_out(desktop, {"doctor"}, 1);
  CHECK(has(text, "problem  /etc/qemu/bridge.conf does not exist"));
  for (const auto& id : about_bridges) mend(desktop, found.one(id, "problem"));
  CHECK_MESSAGE(doctor(desktop).problems() == std::set<std::string>{"vm-failed"}, "until it was started");
  CHECK(ctl_out(desktop, {"start", "bridged"}) == "bridged: started\n");
  CHECK(doctor(desktop).problems() == std::set<std::string>{});
  CHECK(has(desktop.host().must_exec({"ls", "/sys/class/net/virbr7/brif"}), "tap"));

  // Somebody tidies up: libvirt's daemon listens, and its socket is gone.
  const auto pid = fine.qemu_pid();
  const auto runtime_dir = desktop.run({"sh", "-c", "echo $XDG_RUNTIME_DIR"});
  desktop.run({"rm", runtime_dir + "/libvirt/" + kLibvirtSocket});
  mend(desktop, doctor(desktop).one("socket-stale", "problem"));
  desktop.wait_ready();
  CHECK(doctor(desktop).problems() == std::set<std::string>{});
  CHECK(desktop.host().exec({"pgrep", "-c", "-x", kLibvirtDaemon}).out == "1\n");
  CHECK(fine.state() == "running");
  CHECK(fine.qemu_pid() == pid);

  // A QEMU of libvirt's that libvirt has no word of any more, one that was never its, and what another VM left behind.
  const auto orphan = std::to_string(lost.qemu_pid());
  desktop.systemctl({"stop", "virtsessiond.service"});
  desktop.systemctl({"stop", kLibvirtUnit});
  desktop.run({"sh", "-c", "rm " + runtime_dir + "/libvirt/qemu/run/lost.*"});
  desktop.systemctl({"start", "virtsessiond.service"});
  desktop.wait_ready();
  CHECK(lost.state() == "shut off");
  run_beside(desktop, "hand",
             {"qemu-system-x86_64", "-name", "guest=hand", "-uuid", "9f1c7e0a-5b0e-4c58-8a49-0d3c1f8e7b21", "-machine",
              "none", "-nodefaults", "-display", "none"});
  desktop.host().write_file("/home/alice/.config/libvirt/qemu/save/ghost.save", "what it had in memory", kUser);
  CHECK(ctl_out(desktop, {"save", "bridged"}) == "bridged: saved\n");
  const auto by_hand = std::to_string(desktop.main_pid("hand"));
  found = doctor(desktop);
  REQUIRE(found.of("qemu-orphan").size() == 2);
  for (const auto& row : found.of("qemu-orphan")) {
    if (row.at("severity") == "note") {
      CHECK(has(row.at("text"), "QEMU of pid " + by_hand + " (hand) was started without libvirt"));
      continue;
    }
    CHECK(has(row.at("text"), "QEMU of pid " + orphan + " (lost) was started by the session's libvirt"));
    CHECK(row.at("fix") == "");  // a guest runs in it
    desktop.host().must_exec({"kill", orphan});
  }
  CHECK(has(found.one("managed-save", "note", "bridged").at("text"), "waits for somebody to start it"));
  REQUIRE(found.of("managed-save").size() == 2);
  for (const auto& row : found.of("managed-save")) {
    if (row.at("subject") == "bridged") {
      mend(desktop, row);
      continue;
    }
    CHECK(has(row.at("text"), "is the saved state of a VM that does not exist"));
    CHECK(row.at("fix") == "");
    desktop.host().must_exec({"rm", "/home/alice/.config/libvirt/qemu/save/ghost.save"});
  }
  CHECK(bridged.state() == "running");
  desktop.systemctl({"stop", "hand"});
  wait_until([&] { return !desktop.host().exec({"kill", "-0", orphan}).succeeded(); }, kSoon, "the orphan is gone");
  found = doctor(desktop);
  CHECK(found.of("qemu-orphan").empty());
  CHECK(found.of("managed-save").empty());
  CHECK(fine.qemu_pid() == pid);
  desktop.wait_for("bridged", "Phase", "running");
  CHECK(ctl_out(desktop, {"start", "lost"}) == "lost: started\n");

  // A network of the session's that only names a bridge.
  desktop.host().write_file("/home/alice/net.xml",
                            "<network><name>net</name><forward mode='bridge'/><bridge name='virbr7'/></network>",
                            kUser);
  desktop.virsh({"net-define", "/home/alice/net.xml"});
  const auto netted = desktop.define({.name = "netted",
                                      .system = System::none,
                                      .devices = "<interface type='network'><source network='net'/>"
                                                 "<model type='virtio'/><rom enabled='no'/></interface>\n"});
  wait_until_known(desktop, {"netted"});
  mend(desktop, doctor(desktop).one("vm-network", "problem", "netted"));
  mend(desktop, doctor(desktop).one("vm-network", "warning", "netted"));
  CHECK(doctor(desktop).of("vm-network", "netted").empty());
  CHECK(ctl_out(desktop, {"start", "netted"}) == "netted: started\n");
  found = doctor(desktop);
  CHECK(found.of("vm-network", "netted").empty());
  CHECK(found.problems() == std::set<std::string>{});
}

TEST_CASE("a definition that libvirt cannot load: doctor has its words, and no command that removes its saved state") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define({.name = "w", .system = System::none});
  guest.start();
  desktop.wait_for("w", "Phase", "running");
  CHECK(ctl_out(desktop, {"save", "w"}) == "w: saved\n");
  const std::string file = "/home/alice/.config/libvirt/qemu/w.xml";
  desktop.run({"sed", "-i", "s/<vcpu/<vcpu bad/", file});
  ctl_out(desktop, {"restart-libvirt"});
  wait_until([&] { return !desktop.find("w"); }, kSoon, "libvirt does not list it");

  const auto words = [&] { return doctor(desktop).one("definition-listed", "problem", "w").at("text"); };
  wait_until([&] { return has(words(), "attribute bad"); }, kSoon, "the journal has libvirt's words");
  CHECK(has(words(), file + " is there, and libvirt does not list it: "));
  auto found = doctor(desktop);
  CHECK(has(found.one("managed-save", "note").at("text"), "libvirt does not list now"));
  for (const auto& each : found.rows) CHECK_FALSE(has(each.at("fix"), "rm "));

  desktop.run({"sed", "-i", "s/<vcpu bad/<vcpu/", file});
  mend(desktop, doctor(desktop).one("definition-listed", "problem", "w"));
  wait_until_known(desktop, {"w"});
  CHECK(doctor(desktop).of("definition-listed").empty());
  ctl_out(desktop, {"start", "w"});
  CHECK(guest.state() == "running");
  CHECK_FALSE(desktop.host().read_file("/home/alice/.config/libvirt/qemu/save/w.save").has_value());  // it went on
}

TEST_CASE("a VM that cannot start for want of a device or of swtpm: doctor has libvirt's words and what helps") {
  Desktop desktop;
  desktop.login();
  desktop.define({.name = "usb",
                  .system = System::none,
                  .devices = "<controller type='usb' model='qemu-xhci'/><hostdev mode='subsystem' type='usb'><source>"
                             "<vendor id='0x1234'/><product id='0x5678'/></source></hostdev>\n"});
  desktop.define({.name = "tpm",
                  .system = System::none,
                  .devices = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>\n"});
  wait_until_known(desktop, {"usb", "tpm"});
  desktop.host().must_exec({"rm", "-f", "/usr/bin/swtpm", "/usr/bin/swtpm_setup"});
  ctl_out(desktop, {"restart-libvirt"});
  ctl(desktop, {"start", "usb", "tpm"});
  const auto found = doctor(desktop);
  const auto usb = found.one("vm-failed", "problem", "usb"), tpm = found.one("vm-failed", "problem", "tpm");
  INFO(usb.dump());
  CHECK(has(usb.at("text"), "it is off because of an error: "));
  CHECK(has(usb.at("text"), "plug the device in"));
  INFO(tpm.dump());
  CHECK(has(tpm.at("text"), "swtpm, which is missing"));
  CHECK(has(tpm.at("fix"), "apt install swtpm"));
}

TEST_CASE(
    "virtsessionctl without virtsessiond: who looks starts nothing and is told, who changes something starts it") {
  Desktop desktop(false);
  desktop.host().login(kUser);
  const auto guest = desktop.define({.name = "a", .system = System::none});
  const auto other = desktop.define({.name = "b", .system = System::none});
  guest.start();
  const auto pid = guest.qemu_pid();
  const auto stray = desktop.host().must_exec({"pgrep", "-x", kLibvirtDaemon});

  CHECK(has(ctl_out(desktop, {"status"}, 3), "virtsessiond does not run\n"));
  CHECK(has(ctl_err(desktop, {"list"}, 3), "systemctl --user enable --now virtsessiond"));
  auto found = doctor(desktop);
  CHECK(found.status == 1);
  CHECK(found.rows.at(0).at("id") == "daemon-running");
  const auto strays = found.of("daemon-stray");
  CHECK(std::ranges::any_of(strays, [&](const json& row) {
    return row.at("severity") == "warning" &&
           has(row.at("text"), kLibvirtDaemon + " (pid " + stray + ") runs in session-");
  }));
  CHECK(has(found.one("vm-scope", "warning", "a").at("text"), "it runs in session-"));
  const auto page = ctl_out(desktop, {"doctor", "--uri"});
  CHECK(has(page, "qemu:///session"));
  CHECK(has(page, "alice, and so do its VMs"));
  CHECK(has(page, "2, 1 of them running"));

  // Its socket stays behind: clients that find it neither get an answer nor fork another.
  desktop.host().must_exec({"kill", "-9", stray});
  wait_until([&] { return !doctor(desktop).of("socket-stale").empty(); }, kSoon, "the socket is stale");
  found = doctor(desktop);
  CHECK(found.problems().contains("socket-stale"));
  CHECK(has(found.one("socket-stale", "problem").at("text"), "is there and nobody listens"));
  CHECK(!desktop.host().exec({"pgrep", "-x", kLibvirtDaemon}).succeeded());
  CHECK(desktop.main_pid("virtsessiond.service") == 0);

  const auto started = ctl(desktop, {"start", "b"});
  INFO(started.err);
  CHECK(started.status == 0);
  CHECK(started.out == "b: started\n");
  CHECK(started.err == "virtsessiond was not running and has been started.\n");
  CHECK(desktop.main_pid("virtsessiond.service") > 0);
  CHECK(guest.qemu_pid() == pid);
  CHECK(ctl_out(desktop, {"list", "--running", "--quiet"}) == "a\nb\n");
  found = doctor(desktop);
  CHECK(found.problems() == std::set<std::string>{});
  CHECK(found.of("socket-stale").empty());
  mend(desktop, found.one("unit-enabled", "warning"));
  CHECK(doctor(desktop).of("unit-enabled").empty());
  CHECK(desktop.systemctl({"is-enabled", "virtsessiond"}) == "enabled");
}
