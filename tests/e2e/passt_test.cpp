// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/reached.hpp"

#include <doctest/doctest.h>

// Ports of the host that lead to guests through passt, whose forwards are in the definition. With a libvirt that has
// it: Debian 13 and later.

using namespace virtsession;
using namespace virtsession::test;

namespace {

constexpr const char* kPasstMac = "52:54:00:00:00:07";

std::string passt_nic(const std::string& forwards = {}) {
  return std::string("<interface type='user'><mac address='") + kPasstMac +
         "'/><model type='virtio'/><rom enabled='no'/><backend type='passt'/>" + forwards + "</interface>\n";
}

std::string port_forward(int port, int guest_port) {
  return "<portForward proto='tcp' address='127.0.0.1'><range start='" + std::to_string(port) + "' to='" +
         std::to_string(guest_port) + "'/></portForward>";
}

bool skipped_without_passt(Desktop& desktop) {
  if (has_passt(desktop)) return false;
  MESSAGE("libvirt has no passt here");
  return true;
}

/// A guest that says its name at its port 80 and, to datagrams, at 53.
DomainXml answering_by_passt(const std::string& forwards = {}) {
  return {.name = "a",
          .system = System::agent,
          .kernel_arguments = "guest.listen=80 guest.answer_udp=53 guest.dhcp",
          .devices = passt_nic(forwards)};
}

void wait_for_guest_at(Desktop& desktop, int port) {
  wait_until([&] { return answer_by_tcp(desktop, port) == "guest a\n"; }, kLong, "the guest answers");
}

bool is_defined(const Guest& guest, int port, const char* verb = "dumpxml") {
  const auto options = std::string(verb) == "dumpxml" ? std::vector<std::string>{"--inactive"} : Arguments{};
  return has(guest.must_virsh(verb, options), "<range start='" + std::to_string(port) + "'");
}

/// "active 9999", by ports of the host: those that the policy has not made.
std::string by_others(Desktop& desktop, int port) {
  for (const auto& row : ctl_json(desktop, {"ports", "a"}))
    if (row.at("host_port") == port && row.at("spec") == "")
      return row.at("state").get<std::string>() + " " + row.at("reason").get<std::string>();
  return {};
}

}  // namespace

TEST_CASE(
    "passt: a policy's forwards are in the definition before any start, and what is new comes with the next one") {
  Desktop desktop;
  desktop.login();
  if (skipped_without_passt(desktop)) return;
  const auto guest = desktop.define(answering_by_passt(port_forward(9999, 80)));
  wait_until_known(desktop, {"a"});
  CHECK(ctl_out(desktop, {"ports", "a", "+2222:80", "+5353:53/udp", "+[::1]:2222:80"}) ==
        "a: 127.0.0.1:2222 -> port 80 of the guest, from the next start on\n"
        "a: 127.0.0.1:5353 -> port 53 of the guest (UDP), from the next start on\n"
        "a: [::1]:2222 -> port 80 of the guest, from the next start on\n");
  guest.start();  // by virsh: the definition has them
  desktop.wait_for("a", "Phase", "running");
  wait_for_guest_at(desktop, 2222);
  CHECK(answer_by_tcp(desktop, 9999) == "guest a\n");
  CHECK(answer_by_udp(desktop, 5353) == "guest a");
  wait_until([&] { return answer_by_tcp(desktop, 2222, "::1") == "guest a\n"; }, kLong, "it answers by IPv6");
  for (const auto* const spec : {"2222:80", "5353:53/udp", "[::1]:2222:80"})
    CHECK(forwards_of(desktop, "a")[spec].starts_with("active"));
  CHECK(by_others(desktop, 9999) == "active ");
  CHECK(has(ctl_out(desktop, {"address", "a"}), "127.0.0.1:2222 -> port 80 of the guest"));

  // passt takes nothing while it runs: that is said, and how to have it.
  const auto added = ctl(desktop, {"ports", "a", "+3333:80", "-2222:80", "-[::1]:2222:80"});
  INFO(added.err);
  CHECK(added.out ==
        "a: 2222:80 is removed; passt keeps it until the VM stops\n"
        "a: [::1]:2222:80 is removed; passt keeps it until the VM stops\n"
        "a: 127.0.0.1:3333 -> port 80 of the guest, from the next start on: passt takes new forwards only when the VM "
        "starts\n");
  CHECK(has(added.err, "virtsessionctl save a; virtsessionctl start a"));
  CHECK(answer_by_tcp(desktop, 2222) == "guest a\n");
  CHECK(answer_by_tcp(desktop, 3333).empty());
  CHECK(is_defined(guest, 3333));
  CHECK_FALSE(is_defined(guest, 2222));
  CHECK(is_defined(guest, 9999));

  // What it was saved with is what it is restored with.
  ctl_out(desktop, {"save", "a"});
  ctl_out(desktop, {"start", "a"});
  wait_for_guest_at(desktop, 3333);
  CHECK_MESSAGE(guest.count_on_console("guest ready: a") == 1, "it was restored");
  CHECK(answer_by_tcp(desktop, 2222).empty());
  CHECK(answer_by_tcp(desktop, 9999) == "guest a\n");
  CHECK(forwards_of(desktop, "a")["3333:80"] == "active 3333");

  // Of a VM that is saved, too, and by whatever program it is restored.
  ctl_out(desktop, {"save", "a"});
  ctl_out(desktop, {"ports", "a", "+4444:80", "-3333:80"});
  CHECK(is_defined(guest, 4444, "managedsave-dumpxml"));
  CHECK_FALSE(is_defined(guest, 3333, "managedsave-dumpxml"));
  guest.start();
  wait_for_guest_at(desktop, 4444);
  CHECK(guest.count_on_console("guest ready: a") == 1);
  CHECK(forwards_of(desktop, "a")["4444:80"] == "active 4444");

  // A policy without ports leaves what a person has put there, and nothing else.
  ctl_out(desktop, {"poweroff", "a"});
  ctl_out(desktop, {"policy", "a", "--clear", "ports"});
  wait_until([&] { return !is_defined(guest, 4444); }, kSoon, "the definition has no forward by policy any more");
  const auto xml = guest.must_virsh("dumpxml", {"--inactive"});
  CHECK(is_defined(guest, 9999));
  CHECK_FALSE(has(xml, "5353"));
  CHECK_FALSE(has(xml, "virtsession.org/forwards"));
}

TEST_CASE("passt: a VM starts without a forward whose port is taken, says who has it, and has it with its next start") {
  Desktop desktop;
  desktop.login();
  if (skipped_without_passt(desktop)) return;
  const auto guest = desktop.define(answering_by_passt());
  const auto rival = desktop.define({.name = "rival",
                                     .system = System::none,
                                     .policy = R"({"ports": ["3333:80"], "start_order": 1})",
                                     .devices = "<interface type='user'/>\n"});
  wait_until_known(desktop, {"a", "rival"});
  ctl_out(desktop, {"ports", "a", "+2222:80", "+auto:80"});
  run_beside(desktop, "taker", {"python3", "-m", "http.server", "2222", "--bind", "127.0.0.1"});
  wait_until(
      [&] {
        return !desktop.host().user(kUser, {"bash", "-c", "</dev/tcp/127.0.0.1/2222"}).status;
      },
      kSoon, "the port is taken");
  const auto taken = "python3 (pid " + std::to_string(desktop.main_pid("taker.service")) + ") has 127.0.0.1:2222/tcp";
  ctl_out(desktop, {"start", "a"});
  desktop.wait_for("a", "Phase", "running");
  CHECK(forwards_of(desktop, "a")["2222:80"] == "failed 2222: " + taken + "; the next start of the VM tries again");
  CHECK(forwards_of(desktop, "a")["auto:80"].starts_with("active 2"));
  CHECK(has(desktop.run({"journalctl", "--user", "--output=cat", "MESSAGE_ID=dd8991750b9343dd9ef3b2e94b300582"}),
            "VM \"a\": ports: 2222:80 is not forwarded: " + taken));
  CHECK(desktop.text("a", "LastError").empty());

  // Saved while it is taken, restored when it is free.
  guest.wait_ready();
  ctl_out(desktop, {"save", "a"});
  desktop.systemctl({"stop", "taker"});
  ctl_out(desktop, {"start", "a"});
  wait_for_guest_at(desktop, 2222);
  CHECK(forwards_of(desktop, "a")["2222:80"] == "active 2222");
  CHECK(guest.count_on_console("guest ready: a") == 1);

  // Another VM has it, by QEMU: the definition leaves it out while that runs, for any program that starts this one.
  ctl_out(desktop, {"poweroff", "a"});
  CHECK(has(ctl(desktop, {"ports", "a", "+3333:80"}).err, "VM \"rival\" has 127.0.0.1:3333/tcp, too"));
  rival.start();
  wait_for_forward(desktop, "rival", "3333:80", "active 3333");
  wait_until([&] { return !is_defined(guest, 3333); }, kSoon, "the definition leaves it out");
  guest.start();
  wait_for_forward(desktop, "a", "3333:80", "failed 3333: VM \"rival\" has 127.0.0.1:3333/tcp");
  rival.destroy();
  wait_for_forward(desktop, "a", "3333:80", "next-start 3333");
}

TEST_CASE("passt: forwards come with the login's start, hold no logout up, and come again with what was saved") {
  Desktop desktop;
  desktop.login();
  if (skipped_without_passt(desktop)) return;
  auto xml = answering_by_passt();
  xml.policy = R"({"ports": ["2222:80"], "stop_actions": ["save"]})";
  const auto guest = desktop.define(xml);
  guest.set_autostart(true);
  wait_until([&] { return desktop.find("a") && desktop.flag("a", "Autostart"); }, kSoon, "the mark is seen");
  for (int login = 1; login <= 2; ++login) {
    CAPTURE(login);
    desktop.logout();
    desktop.login();
    wait_for_forward(desktop, "a", "2222:80", "active 2222", kLong);
    wait_for_guest_at(desktop, 2222);
    CHECK(guest.count_on_console("guest ready: a") == 1);
  }
}

TEST_CASE("ssh: through passt, from a VM that is defined to a command in its guest in two commands, and over a save") {
  Desktop desktop;
  desktop.login();
  if (skipped_without_passt(desktop)) return;
  bring_ssh_key(desktop);
  const auto guest =
      desktop.define({.name = "web", .system = System::ssh, .kernel_arguments = "guest.dhcp", .devices = passt_nic()});
  wait_until_known(desktop, {"web"});
  const auto made = ctl(desktop, {"ports", "web", "+auto:22"});
  CHECK(has(made.out, " -> port 22 of the guest, from the next start on\n"));
  CHECK(made.err == "  Log in:  virtsessionctl ssh --start web\n");
  const auto begun = ctl(desktop, {"ssh", "--start", "root@web", "--", "echo hello"});
  INFO(begun.err);
  CHECK(begun.out == "hello\n");

  // A way that only the next start brings: how to have it without an end of what runs.
  ctl_out(desktop, {"ports", "web", "-auto:22"});
  ctl_out(desktop, {"poweroff", "web"});
  ctl_out(desktop, {"start", "web"});
  guest.wait_ready(2);
  ctl_out(desktop, {"ports", "web", "+2222:22"});
  const auto refused = ctl_err(desktop, {"ssh", "root@web"}, 1);
  CHECK(
      refused ==
      "virtsessionctl: web: the forward 127.0.0.1:2222 of its port 22 is there from its next start on\n"
      "  To have it at once, with all that runs in the VM:  virtsessionctl save web; virtsessionctl ssh --start web\n");
  ctl_out(desktop, {"save", "web"});
  const auto again = ctl(desktop, {"ssh", "--start", "root@web", "--", "echo again"});
  INFO(again.err);
  CHECK(again.out == "again\n");
  CHECK_FALSE(has(again.err, "CHANGED"));
  CHECK(guest.count_on_console("guest ready") == 2);
}
