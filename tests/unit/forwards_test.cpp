// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using nlohmann::json;

// Ports of the host that lead to guests, as policies want them.

namespace {

const std::vector<Network> kSlirp = {{"user", "slirp", "52:54:00:00:00:01", "net0"}};
const std::vector<Network> kPasst = {{"user", "passt", "52:54:00:00:00:02", "net0"}};
const std::vector<Network> kBridge = {{"bridge", "br0", "52:54:00:00:00:03", "net0"}};

json ports(const Strings& specs) { return {{"ports", specs}}; }

VmSpec forwarding(const Strings& specs, const std::vector<Network>& networks = kSlirp, bool runs = false) {
  return {.policy = ports(specs), .running = runs, .networks = networks};
}

World with_vm(const VmSpec& spec) {
  World world;
  world.define("a", spec);
  world.connect();
  world.deliver();
  return world;
}

Strings shown_forwards(const World& world) { return world.forwards("a"); }

std::uint16_t chosen_port(const World& world, const std::string& name) {
  return world.view(name).forwards.at(0).forward.host.port;
}

}  // namespace

TEST_CASE("forwards: made at a start by whatever program, at a restore, and not twice") {
  auto world = with_vm(forwarding({"2222:22", "5353:53/udp"}));
  CHECK(shown_forwards(world) == Strings{"off 127.0.0.1:2222/tcp to 22", "off 127.0.0.1:5353/udp to 53"});
  const Strings active = {"active 127.0.0.1:2222/tcp to 22", "active 127.0.0.1:5353/udp to 53"};
  world.foreign_start("a");
  world.deliver();
  CHECK(shown_forwards(world) == active);
  CHECK(world.domain("a").forwards.size() == 2);
  const auto addresses = world.view("a").addresses;
  REQUIRE(addresses.size() == 2);
  CHECK(addresses[0].source == AddressSource::forward);
  CHECK(addresses[0].nic == "net0");
  CHECK(addresses[0].forward->guest_port == 22);
  world.foreign_save("a");
  CHECK(world.view("a").addresses.empty());
  CHECK(shown_forwards(world)[0] == "off 127.0.0.1:2222/tcp to 22");
  world.request(RequestKind::start, "a");
  world.deliver();
  CHECK(shown_forwards(world) == active);

  SUBCASE("the guest reboots: they are there, and nobody asks") {
    const auto calls = world.forward_calls;
    world.event("a", DomainEventKind::rebooted);
    world.pass(100);
    CHECK(world.forward_calls == calls);
  }
  SUBCASE("a new virtsessiond finds them") {
    world.restart_supervisor();
    world.connect();
    world.deliver();
    CHECK(shown_forwards(world) == active);
    CHECK(world.domain("a").forwards.size() == 2);
    CHECK(world.journal("a", Incident::no_forward).empty());
    world.set_policy("a", ports({"2222:22"}));
    world.deliver();
    CHECK_MESSAGE(world.domain("a").forwards.size() == 1, "and knows that a policy wanted them");
  }
  SUBCASE("the policy changes while no virtsessiond is there") {
    auto policy = json::object();
    SUBCASE("to another port") { policy = ports({"2222:22", "8080:80"}); }
    SUBCASE("to none") {}
    world.domain("a").forwards.push_back({"net0", {"127.0.0.1", 9999, PortProtocol::tcp}, 99});
    world.domain("a").snapshot.policy_text = policy.dump();
    world.restart_supervisor();
    world.connect();
    world.deliver();
    const auto& there = world.domain("a").forwards;
    CHECK(there.size() == (policy.empty() ? 1 : 3));
    CHECK(std::ranges::none_of(there, [](const Forward& one) { return one.guest_port == 53; }));
    CHECK_MESSAGE(std::ranges::count(there, 99, &Forward::guest_port) == 1, "somebody else's stays");
  }
  SUBCASE("libvirt is lost while they are made") {
    world.set_policy("a", ports({"2222:22", "8080:80"}));
    world.lose_libvirt(true);
    world.connect();
    world.deliver();
    CHECK(shown_forwards(world) == Strings{"active 127.0.0.1:2222/tcp to 22", "active 127.0.0.1:8080/tcp to 80"});
    CHECK(world.journal("a", Incident::no_forward).empty());
  }
  SUBCASE("libvirt is lost while they are made, and the policy does not want them any more") {
    world.set_policy("a", ports({"2222:22", "8080:80"}));
    world.lose_libvirt(true);
    REQUIRE(std::ranges::count(world.domain("a").forwards, 80, &Forward::guest_port) == 1);
    world.domain("a").snapshot.policy_text = ports({"2222:22"}).dump();
    SUBCASE("") {}
    SUBCASE("and virtsessiond ends meanwhile") { world.restart_supervisor(); }
    world.connect();
    world.deliver();
    CHECK(shown_forwards(world) == Strings{"active 127.0.0.1:2222/tcp to 22"});
    CHECK(world.domain("a").forwards.size() == 1);
  }
}

TEST_CASE("forwards: a change of the policy applies at once, and leaves alone what others made") {
  auto world = with_vm(forwarding({"2222:22"}, kSlirp, true));
  world.domain("a").forwards.push_back({"net0", {"127.0.0.1", 9999, PortProtocol::tcp}, 99});
  world.set_policy("a", ports({"0.0.0.0:8080:80"}));
  world.deliver();
  CHECK(shown_forwards(world) ==
        Strings{"active 0.0.0.0:8080/tcp to 80", "active 127.0.0.1:9999/tcp to 99 (not by policy)"});
  CHECK(world.domain("a").forwards.size() == 2);
  world.set_policy("a", json::object());
  world.deliver();
  CHECK(world.domain("a").forwards.size() == 1);
  CHECK_MESSAGE(shown_forwards(world).empty(), "QEMU is asked nothing about a VM without ports");
  const auto calls = world.forward_calls;
  world.foreign_shutdown("a");
  world.foreign_start("a");
  world.deliver();
  CHECK(world.forward_calls == calls);
}

TEST_CASE("forwards: what cannot be is said at once, and is a problem of the policy") {
  struct Row {
    Strings specs;
    std::vector<Network> networks;
    const char* says;
  };
  const Row rows[] = {
      {{"2222:22"}, {}, "no network interface of type user"},
      {{"2222:22"}, kBridge, "no network interface of type user"},
      {{"net0/2222:22"}, kBridge, "net0 is of type bridge \"br0\""},
      {{"net1/2222:22"}, kSlirp, "no network interface net1"},
      {{"[::1]:2222:22"}, kSlirp, "IPv4 only"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.says);
    for (const bool runs : {false, true}) {
      auto world = with_vm(forwarding(row.specs, row.networks, runs));
      const auto view = world.view("a");
      REQUIRE(view.forwards.size() == 1);
      CHECK(view.forwards[0].state == ForwardState::impossible);
      CHECK(view.forwards[0].reason.find(row.says) != std::string::npos);
      REQUIRE(view.policy_problems.size() == 1);
      CHECK(view.policy_problems[0].code == ProblemCode::not_possible);
      CHECK(view.policy_problems[0].text.find(row.says) != std::string::npos);
      world.pass(100);
      CHECK(world.forward_calls == 0);
      CHECK_FALSE(world.supervisor().wake());
    }
  }
}

TEST_CASE("forwards: the NIC is the first that can, or the one that is named") {
  const std::vector<Network> three = {{"bridge", "br0", "52:54:00:00:00:0a", "net0"},
                                      {"user", "slirp", "52:54:00:00:00:0b", "net1"},
                                      {"user", "slirp", "52:54:00:00:00:0c", "net2"}};
  auto world = with_vm(forwarding({"2222:22", "net2/2223:22", "52:54:00:00:00:0C/2224:22"}, three, true));
  Strings nics;
  for (const auto& forward : world.domain("a").forwards) nics.push_back(forward.nic);
  CHECK(nics == Strings{"net1", "net2", "net2"});
}

TEST_CASE("forwards: a port that another program has is told once, and tried again until it is free") {
  auto world = with_vm(forwarding({"2222:22", "8080:80"}));
  world.listened = {{"0.0.0.0", 2222, PortProtocol::tcp}};
  world.foreign_start("a");
  world.deliver();
  CHECK(shown_forwards(world) == Strings{"failed 127.0.0.1:2222/tcp to 22: sshd (pid 7) has 127.0.0.1:2222/tcp",
                                         "active 127.0.0.1:8080/tcp to 80"});
  CHECK(world.phase("a") == "running");
  const auto calls = world.forward_calls;
  world.pass(600);
  CHECK(world.forward_calls > calls + 10);
  CHECK_MESSAGE(world.forward_calls < calls + 20, "each minute at last");
  CHECK(world.journal("a", Incident::no_forward) ==
        Strings{"ports: 2222:22 is not forwarded: sshd (pid 7) has 127.0.0.1:2222/tcp"});
  world.listened.clear();
  world.pass(75);
  CHECK(shown_forwards(world)[0] == "active 127.0.0.1:2222/tcp to 22");
  CHECK_FALSE(world.supervisor().wake());
  CHECK(world.journal("a", Incident::phase).back() == "ports: 2222:22 is forwarded now");
}

TEST_CASE("forwards: what only root may is not tried again") {
  auto world = with_vm(forwarding({"80:80"}, kSlirp, true));
  CHECK(shown_forwards(world) == Strings{"impossible 127.0.0.1:80/tcp to 80: only root may"});
  CHECK_FALSE(world.supervisor().wake());
}

TEST_CASE("forwards: of two VMs that want a port the one has it that runs, else the first by order") {
  World world;
  world.define("late", {.policy = {{"ports", {"2222:22"}}, {"start_order", 5}}, .networks = kSlirp});
  world.define("early", {.policy = {{"ports", {"0.0.0.0:2222:22"}}, {"start_order", 1}}, .networks = kSlirp});
  world.connect();
  CHECK(world.forwards("early") == Strings{"off 0.0.0.0:2222/tcp to 22"});
  CHECK(world.forwards("late")[0].starts_with("off 127.0.0.1:2222/tcp to 22: VM \"early\""));

  world.foreign_start("late");
  world.deliver();
  CHECK(world.forwards("late") == Strings{"active 127.0.0.1:2222/tcp to 22"});
  world.foreign_start("early");
  world.deliver();
  CHECK(world.forwards("early") == Strings{"failed 0.0.0.0:2222/tcp to 22: VM \"late\" has 0.0.0.0:2222/tcp"});
  CHECK(world.journal("early", Incident::no_forward).size() == 1);
  CHECK_MESSAGE(!world.supervisor().wake(), "an event ends this, and no timer looks for it");
  world.foreign_shutdown("late");
  world.deliver();
  CHECK(world.forwards("early") == Strings{"active 0.0.0.0:2222/tcp to 22"});
}

TEST_CASE("forwards: two VMs that start at once do not fight") {
  World world;
  for (const auto* name : {"b", "a"})
    world.define(name, {.autostart = true, .policy = ports({"2222:22"}), .networks = kSlirp});
  world.connect();
  world.pass(1);
  CHECK(world.forwards("a") == Strings{"active 127.0.0.1:2222/tcp to 22"});
  CHECK(world.forwards("b") == Strings{"failed 127.0.0.1:2222/tcp to 22: VM \"a\" has 127.0.0.1:2222/tcp"});
}

TEST_CASE("forwards: auto is a port that the VM keeps, and another one when that is taken") {
  auto world = with_vm(forwarding({"auto:22"}));
  CHECK(shown_forwards(world) == Strings{"off 127.0.0.1:auto/tcp to 22"});
  world.foreign_start("a");
  world.deliver();
  const auto port = chosen_port(world, "a");
  CHECK(port >= 20000);
  CHECK(port <= 29999);
  CHECK(world.view("a").forwards[0].state == ForwardState::active);

  SUBCASE("over a stop, and a new virtsessiond") {
    world.foreign_shutdown("a");
    world.restart_supervisor();
    world.connect();
    world.foreign_start("a");
    world.deliver();
    CHECK(chosen_port(world, "a") == port);
  }
  SUBCASE("a new virtsessiond finds the one that is there") {
    world.domain("a").forwards = {{"net0", {"127.0.0.1", 29998, PortProtocol::tcp}, 22}};
    world.restart_supervisor();
    world.connect();
    world.deliver();
    CHECK(chosen_port(world, "a") == 29998);
    CHECK(world.domain("a").forwards.size() == 1);
  }
  SUBCASE("another program has it") {
    world.foreign_shutdown("a");
    world.listened = {{"127.0.0.1", port, PortProtocol::tcp}};
    world.foreign_start("a");
    world.deliver();
    CHECK(chosen_port(world, "a") == (port == 29999 ? 20000 : port + 1));
    CHECK(world.view("a").forwards[0].state == ForwardState::active);
  }
  SUBCASE("another VM wants it") {
    world.foreign_shutdown("a");
    world.define("b", forwarding({std::to_string(port) + ":22"}));
    world.restart_supervisor();
    world.connect();
    world.foreign_start("a");
    world.deliver();
    CHECK(chosen_port(world, "a") != port);
    CHECK(world.view("a").forwards[0].state == ForwardState::active);
  }
}

TEST_CASE("forwards: QEMU that cannot be asked is asked again, a libvirt that cannot ask is not") {
  auto world = with_vm(forwarding({"2222:22"}));
  world.domain("a").monitor_failure = "the monitor does not answer";
  world.foreign_start("a");
  world.deliver();
  world.pass(30);
  CHECK(world.forward_calls > 3);
  CHECK(world.forward_calls < 8);
  world.domain("a").monitor_failure.clear();
  world.pass(60);
  CHECK(shown_forwards(world) == Strings{"active 127.0.0.1:2222/tcp to 22"});
}

TEST_CASE("forwards: QEMU is not asked while the VM is saved or shut down, and nobody waits for it") {
  auto world = with_vm(forwarding({}, kSlirp, true));
  world.domain("a").save_takes = std::chrono::seconds(20);
  const auto save = world.request(RequestKind::save, "a");
  world.set_policy("a", ports({"2222:22"}));
  world.pass(10);
  CHECK(world.forward_calls == 0);  // World looks at each call as well
  world.pass(30);
  CHECK(world.answer(save) == "ok");
  world.foreign_start("a");
  CHECK(world.pending() == Strings{"forward ports of a"});
  const auto pause = world.request(RequestKind::pause, "a");
  CHECK(world.pending() == Strings{"forward ports of a", "pause a"});
  world.deliver();
  CHECK(world.answer(pause) == "ok");
  CHECK(shown_forwards(world) == Strings{"active 127.0.0.1:2222/tcp to 22"});
}

TEST_CASE("forwards: passt's are in the definition before a start, and what is new waits for the next one") {
  auto world = with_vm(forwarding({"2222:22"}, kPasst));
  auto& snapshot = world.domain("a").snapshot;
  const Forward by_person{"52:54:00:00:00:02", {"127.0.0.1", 9999, PortProtocol::tcp}, 99};
  CHECK(snapshot.next_forwards.size() == 1);
  CHECK(shown_forwards(world) == Strings{"off 127.0.0.1:2222/tcp to 22"});
  snapshot.next_forwards.push_back(by_person);
  world.foreign_start("a");
  world.deliver();
  CHECK(shown_forwards(world) ==
        Strings{"active 127.0.0.1:2222/tcp to 22", "active 127.0.0.1:9999/tcp to 99 (not by policy)"});
  CHECK_MESSAGE(world.forward_calls == 0, "QEMU knows nothing of passt");

  world.set_policy("a", ports({"8080:80"}));
  world.deliver();
  const Strings waiting = {"next-start 127.0.0.1:8080/tcp to 80: passt takes new forwards only when the VM starts",
                           "active 127.0.0.1:9999/tcp to 99 (not by policy)",
                           "active 127.0.0.1:2222/tcp to 22 (not by policy): passt keeps it until the VM stops"};
  CHECK(shown_forwards(world) == waiting);
  CHECK(snapshot.own_forwards.size() == 1);
  CHECK(std::ranges::count(snapshot.next_forwards, by_person) == 1);
  world.foreign_shutdown("a");
  world.foreign_start("a");
  world.deliver();
  CHECK(shown_forwards(world) ==
        Strings{"active 127.0.0.1:8080/tcp to 80", "active 127.0.0.1:9999/tcp to 99 (not by policy)"});
  world.set_policy("a", json::object());
  world.deliver();
  CHECK(snapshot.next_forwards == std::vector{by_person});
  for (const auto& entry : world.history("a")) CHECK(entry.reason.find("definition was changed") == std::string::npos);
}

TEST_CASE("forwards: passt's that a policy got while the VM ran, or was saved, come with its restore") {
  auto world = with_vm(forwarding({"2222:22"}, kPasst));
  world.foreign_start("a");
  world.set_policy("a", ports({"8080:80"}));
  world.deliver();
  world.foreign_save("a");
  world.deliver();
  CHECK(shown_forwards(world) == Strings{"off 127.0.0.1:8080/tcp to 80"});
  world.set_policy("a", ports({"8080:80", "5353:53/udp"}));
  world.deliver();
  world.foreign_start("a");
  world.deliver();
  CHECK(shown_forwards(world) == Strings{"active 127.0.0.1:8080/tcp to 80", "active 127.0.0.1:5353/udp to 53"});
}

TEST_CASE("forwards: a definition leaves out a port that a VM has which runs, or passt would fail with the whole VM") {
  World world;
  world.define("a", forwarding({"2222:22"}, kSlirp));
  world.define("b", forwarding({"2222:22", "auto:22"}, kPasst));
  world.connect();
  world.deliver();
  auto& snapshot = world.domain("b").snapshot;
  CHECK(snapshot.next_forwards.size() == 2);
  const auto port = snapshot.next_forwards.back().host.port;
  world.foreign_start("a");
  world.deliver();
  REQUIRE(snapshot.next_forwards.size() == 1);
  CHECK(snapshot.next_forwards[0].host.port == port);
  world.restart_supervisor();
  world.connect();
  world.deliver();
  CHECK(snapshot.next_forwards[0].host.port == port);
  world.foreign_shutdown("a");
  world.deliver();
  CHECK(snapshot.next_forwards.size() == 2);
}
