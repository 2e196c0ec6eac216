// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"
#include "e2e/reached.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

// Ports of the host that lead to guests (policy key ports).

namespace {

const std::string kNic = "<interface type='user'><model type='virtio'/><rom enabled='no'/></interface>";

void wait_for_answers(Desktop& desktop, int tcp_port, int udp_port) {
  wait_until([&] { return tcp_port == 0 || answer_by_tcp(desktop, tcp_port) == "guest a\n"; }, kLong,
             "the guest answers by TCP");
  wait_until([&] { return answer_by_udp(desktop, udp_port) == "guest a"; }, kLong, "the guest answers by UDP");
}

DomainXml answering(const std::string& policy = {}) {
  return {.name = "a",
          .system = System::agent,
          .policy = policy,
          .kernel_arguments = "guest.listen=80 guest.answer_udp=53",
          .devices = kNic};
}

DomainXml silent(const std::string& name, const std::string& ports, int order = 0) {
  return {.name = name,
          .system = System::none,
          .policy = "{\"ports\": [" + ports + "], \"start_order\": " + std::to_string(order) +
                    ", \"stop_actions\": [\"poweroff\"]}",
          .devices = kNic};
}

}  // namespace

TEST_CASE("forwards are made and removed while the VM runs, and are there after a save, a reboot and a restart of us") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define(answering());
  guest.start();
  guest.wait_ready();
  desktop.wait_for("a", "Phase", "running");
  ctl_out(desktop, {"policy", "a", "ports=2222:80,5353:53/udp"});
  wait_for_forward(desktop, "a", "2222:80", "active 2222");
  wait_for_forward(desktop, "a", "5353:53/udp", "active 5353");
  wait_for_answers(desktop, 2222, 5353);

  desktop.systemctl({"restart", "virtsessiond"});
  desktop.wait_ready();
  wait_for_forward(desktop, "a", "2222:80", "active 2222");
  CHECK(answer_by_tcp(desktop, 2222) == "guest a\n");
  guest.must_virsh("reset");
  guest.wait_ready(2);
  wait_for_answers(desktop, 2222, 5353);
  CHECK(forwards_of(desktop, "a").size() == 2);

  ctl_out(desktop, {"policy", "a", "ports=5353:53/udp"});
  wait_until([&] { return answer_by_tcp(desktop, 2222).empty() && forwards_of(desktop, "a").size() == 1; }, kSoon,
             "the forward is gone");
  CHECK(answer_by_udp(desktop, 5353) == "guest a");

  CHECK(desktop.call("a", "Save").error_name == "");
  CHECK(forwards_of(desktop, "a")["5353:53/udp"] == "off 5353");
  guest.start();  // by virsh
  wait_for_forward(desktop, "a", "5353:53/udp", "active 5353", kLong);
  wait_for_answers(desktop, 0, 5353);
  CHECK_MESSAGE(guest.count_on_console("guest ready: a") == 2, "it was restored");
}

TEST_CASE("forwards: of two VMs that want a port one has it, the other one gets it afterwards") {
  Desktop desktop;
  desktop.login();
  const auto first = desktop.define(silent("first", "\"0.0.0.0:2222:22\"", 1));
  const auto second = desktop.define(silent("second", "\"2222:22\"", 2));
  first.start();
  wait_for_forward(desktop, "first", "0.0.0.0:2222:22", "active 2222");
  second.start();
  wait_for_forward(desktop, "second", "2222:22", "failed 2222: VM \"first\" has");
  desktop.wait_for("second", "Phase", "running");
  const auto entries =
      desktop.run({"journalctl", "--user", "--output=cat", "MESSAGE_ID=dd8991750b9343dd9ef3b2e94b300582"});
  CHECK(has(entries, "VM \"second\": ports: 2222:22 is not forwarded: VM \"first\" has"));
  first.destroy();
  wait_for_forward(desktop, "second", "2222:22", "active 2222");
}

TEST_CASE(
    "forwards: a port that a program has is told with its name, and forwarded when it is free, and auto avoids it") {
  Desktop desktop;
  desktop.login();
  const auto listen = [&](const std::string& unit, const std::string& address) {
    desktop.run(
        {"systemd-run", "--user", "--quiet", "--unit=" + unit, "systemd-socket-activate", "-l", address, "true"});
  };
  listen("taker", "127.0.0.1:2222");
  const auto guest = desktop.define(silent("a", R"("2222:22", "80:80", "10.9.9.9:8080:80", "auto:22")"));
  guest.start();
  wait_for_forward(desktop, "a", "2222:22", "failed 2222: systemd-socket- (pid ");
  wait_for_forward(desktop, "a", "80:80", "impossible 80: only root may listen on ports below 1024");
  wait_for_forward(desktop, "a", "10.9.9.9:8080:80", "failed 8080: this machine does not have the address 10.9.9.9");
  wait_for_forward(desktop, "a", "auto:22", "active 2");
  desktop.wait_for("a", "Phase", "running");
  CHECK(has(ctl_out(desktop, {"show", "a", "-p", "PolicyProblems"}), "80:80 is not possible"));
  const auto chosen = forwards_of(desktop, "a")["auto:22"];

  desktop.systemctl({"stop", "taker"});
  wait_for_forward(desktop, "a", "2222:22", "active 2222", kLong);
  CHECK_MESSAGE(forwards_of(desktop, "a")["auto:22"] == chosen, "it keeps its port");

  guest.destroy();
  desktop.wait_for("a", "Phase", "inactive");
  listen("taker2", "127.0.0.1:" + chosen.substr(chosen.find(' ') + 1));
  guest.start();
  wait_for_forward(desktop, "a", "auto:22", "active 2");
  CHECK(forwards_of(desktop, "a")["auto:22"] != chosen);
}

TEST_CASE(
    "forwards: what was made for an entry that is gone meanwhile goes, also when virtsessiond was down, and no other") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define(answering(R"({"ports": ["2222:80", "5353:53/udp"]})"));
  guest.start();
  guest.wait_ready();
  wait_for_answers(desktop, 2222, 5353);
  wait_for_forward(desktop, "a", "2222:80", "active 2222");
  const std::string others = "hostfwd_add hostnet0 tcp:127.0.0.1:3333-:80";
  guest.must_virsh("qemu-monitor-command", {"--hmp", others});
  desktop.systemctl({"stop", "virtsessiond"});
  guest.must_virsh("metadata", {"--config", "--uri", "https://virtsession.org/policy/1", "--key", "virtsession",
                                "--set", "<policy>{}</policy>"});
  desktop.systemctl({"start", "virtsessiond"});
  desktop.wait_ready();
  wait_until([&] { return answer_by_tcp(desktop, 2222).empty() && answer_by_udp(desktop, 5353).empty(); }, kSoon,
             "the forwards are gone");
  CHECK(answer_by_tcp(desktop, 3333) == "guest a\n");
  CHECK(has(ctl(desktop, {"ports", "a", "+81:80"}).err, "Note: only root may listen on ports below "));
}

TEST_CASE("forwards: they come with the login's start, hold no logout up, and come again") {
  Desktop desktop;
  desktop.login();
  const auto guest = desktop.define(answering(R"({"ports": ["2222:80", "5353:53/udp"]})"));
  const auto rival = desktop.define(silent("rival", R"("2222:22", "3333:33")", 1));
  guest.set_autostart(true);
  rival.set_autostart(true);
  wait_until(
      [&] { return desktop.find("rival") && desktop.flag("rival", "Autostart") && desktop.flag("a", "Autostart"); },
      kSoon, "the marks are seen");
  for (int login = 1; login <= 2; ++login) {
    CAPTURE(login);
    desktop.logout();
    CHECK(guest.count_on_console(kPowerDown) == static_cast<std::size_t>(login - 1));
    desktop.login();
    wait_for_forward(desktop, "a", "2222:80", "active 2222", kLong);
    wait_for_forward(desktop, "rival", "2222:22", "failed 2222: VM \"a\" has", kLong);
    wait_for_forward(desktop, "rival", "3333:33", "active 3333");
    guest.wait_ready(static_cast<std::size_t>(login));
    wait_for_answers(desktop, 2222, 5353);
  }
  desktop.logout();
  const auto journal = desktop.host().journal({"--output=cat"});
  CHECK(guest.count_on_console(kPowerDown) == 2);
  CHECK_FALSE(has(journal, "forced"));
}
