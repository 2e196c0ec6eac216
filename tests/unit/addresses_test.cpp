// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/addresses.hpp"

#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

namespace {

const Network kUserNic{"user", "slirp", "52:54:00:00:00:01", "net0"};
const Network kBridgeNic{"bridge", "br0", "52:54:00:00:00:02", "net1"};
const FoundAddress kOfUserNic{"10.0.2.15", "52:54:00:00:00:01"};
const FoundAddress kOfBridgeNic{"192.0.2.7", "52:54:00:00:00:02"};

/// One with the VM "a", which runs, has these NICs and an agent that is not connected yet.
World with_nics(const std::vector<Network>& nics) {
  World world;
  world.define("a", running());
  world.domain("a").snapshot.networks = nics;
  world.connect();
  return world;
}

/// "10.0.2.15 net0 agent, 3 vsock"
std::string text_of(const std::vector<Address>& addresses) {
  std::string text;
  for (const auto& address : addresses)
    text += (text.empty() ? "" : ", ") + address.address + (address.nic.empty() ? "" : " ") + address.nic + " " +
            std::string(to_text(address.source));
  return text;
}
std::string shown(const World& world) { return text_of(world.view("a").addresses); }

RequestId list(World& world) { return world.request(RequestKind::list_addresses, "a"); }

}  // namespace

TEST_CASE("addresses: the agent's are there when it has connected, and gone when the VM is off") {
  auto world = with_nics({kUserNic});
  CHECK(world.questions("a") == 0);  // nobody can be asked
  world.domain("a").agent_addresses = {kOfUserNic};
  world.connect_agent("a");
  world.deliver();
  CHECK(shown(world) == "10.0.2.15 net0 agent");
  CHECK_FALSE(world.supervisor().wake());  // and nothing is asked at idle
  world.foreign_shutdown("a");
  CHECK(shown(world).empty());
  world.domain("a").snapshot.agent_connected = false;
  world.foreign_start("a");
  world.deliver();
  CHECK(shown(world).empty());
}

TEST_CASE("addresses: an agent that is there before its network is asked a few times more") {
  auto world = with_nics({kUserNic});
  world.domain("a").agent_addresses = {{"169.254.3.4", kUserNic.mac}};
  world.connect_agent("a");
  world.pass(5);
  CHECK(shown(world) == "169.254.3.4 net0 agent");
  world.domain("a").agent_addresses = {kOfUserNic};
  world.pass(10);
  CHECK(shown(world) == "10.0.2.15 net0 agent");
  CHECK_FALSE(world.supervisor().wake());

  SUBCASE("and not for ever") {
    world.domain("a").agent_addresses = {};
    world.connect_agent("a");  // after a reboot
    world.pass(90);
    CHECK(shown(world).empty());
    CHECK_FALSE(world.supervisor().wake());
  }
}

TEST_CASE("addresses: the host knows those of a NIC that it shares a network with, and which is whose") {
  auto world = with_nics({kUserNic, kBridgeNic});
  world.domain("a").arp_addresses = {kOfBridgeNic};
  world.domain("a").snapshot.vsock_cid = 3;
  world.refresh("a");
  const auto request = list(world);
  world.deliver();
  CHECK(world.answer(request) == "ok");
  CHECK(shown(world) == "192.0.2.7 net1 arp, 3 vsock");
}

TEST_CASE("addresses: the best come first, and none is there twice") {
  DomainSnapshot domain;
  domain.networks = {kUserNic, kBridgeNic};
  RunAddresses addresses;
  addresses.learn({.agent = {{{"fe80::1", kUserNic.mac},
                              {"172.17.0.1", "02:42:00:00:00:01"},
                              {"2001:db8::7", kBridgeNic.mac},
                              {"169.254.1.1", kBridgeNic.mac},
                              kOfBridgeNic,
                              kOfUserNic}},
                   .arp = {{kOfBridgeNic, {"192.0.2.8", kBridgeNic.mac}}}});
  CHECK(text_of(addresses.list(domain)) ==
        "10.0.2.15 net0 agent, 192.0.2.7 net1 agent, 2001:db8::7 net1 agent, 172.17.0.1 agent, 169.254.1.1 net1 agent, "
        "fe80::1 net0 agent, 192.0.2.8 net1 arp");
}

TEST_CASE("ListAddresses: libvirt is asked anew, once for all who ask") {
  auto world = with_nics({kUserNic});
  world.domain("a").agent_addresses = {kOfUserNic};
  world.connect_agent("a");
  world.deliver();
  world.domain("a").agent_addresses = {{"10.0.2.99", kUserNic.mac}};
  world.domain("a").question_takes = 2s;
  const auto first = list(world), second = list(world);
  CHECK(world.questions("a") == 1);
  CHECK(world.answer(first).empty());
  world.pass(3);
  CHECK(world.answer(first) == "ok");
  CHECK(world.answer(second) == "ok");
  CHECK(shown(world) == "10.0.2.99 net0 agent");

  SUBCASE("who comes after the answer has another one") {
    const auto third = list(world);
    CHECK(world.questions("a") == 1);
    world.pass(3);
    CHECK(world.answer(third) == "ok");
  }
}

TEST_CASE("ListAddresses: a question that the agent is not asked is none of those who want its answer") {
  auto world = with_nics({kUserNic, kBridgeNic});
  const auto before = list(world);
  world.domain("a").snapshot.agent_connected = true;
  world.domain("a").agent_addresses = {kOfUserNic};
  world.refresh("a");
  const auto after = list(world);
  CHECK(world.questions("a") == 2);
  world.deliver("a");
  CHECK(world.answer(before) == "ok");
  CHECK(world.answer(after).empty());
  world.deliver();
  CHECK(world.answer(after) == "ok");
  CHECK(shown(world) == "10.0.2.15 net0 agent");
}

TEST_CASE("ListAddresses: who cannot be answered hears why") {
  SUBCASE("the VM is off") {
    auto world = with({});
    const auto request = list(world);
    CHECK(world.answer(request) == "OperationFailed");
    CHECK(world.answer_text(request) == "VM \"a\" does not run: it has no addresses");
  }
  SUBCASE("it stops meanwhile") {
    auto world = with_nics({kBridgeNic});
    const auto request = list(world);
    world.foreign_destroy("a");
    world.deliver();
    CHECK(world.answer(request) == "OperationFailed");
  }
  SUBCASE("nobody can be asked: that is all there is") {
    auto world = with_nics({kUserNic});
    CHECK(world.answer(list(world)) == "ok");
    CHECK(shown(world).empty());
  }
  SUBCASE("the agent does not answer, and what it said before is still the best that is known") {
    auto world = with_nics({kUserNic});
    world.domain("a").agent_addresses = {kOfUserNic};
    world.connect_agent("a");
    world.deliver();
    world.domain("a").questions_fail = true;
    const auto request = list(world);
    world.deliver();
    CHECK(world.answer(request) == "OperationFailed");
    CHECK(world.answer_text(request) == "Guest agent is not responding");
    CHECK(shown(world) == "10.0.2.15 net0 agent");
    CHECK(world.view("a").last_error.empty());  // the VM has not failed
  }
  SUBCASE("the VM is switched off while its agent hangs, and libvirt has not ended the call") {
    auto world = with_nics({kUserNic});
    world.connect_agent("a");
    world.deliver();
    world.domain("a").question_takes = 1h;
    const auto id = list(world);
    world.foreign_shutdown("a");
    REQUIRE(world.phase("a") == "inactive");
    world.pass(30);
    CHECK(world.answer(id) == "TimedOut");
  }
  SUBCASE("the agent hangs: nobody waits for ever, and the VM is paused and stopped meanwhile") {
    auto world = with_nics({kUserNic});
    world.domain("a").question_takes = 1h;
    world.connect_agent("a");
    const auto request = list(world);
    const auto pause = world.request(RequestKind::pause, "a");
    world.pass(1);
    CHECK(world.answer(pause) == "ok");
    CHECK(world.answer(request).empty());
    world.pass(20);
    CHECK(world.answer(request) == "TimedOut");
    CHECK(world.questions("a") == 1);
    CHECK_FALSE(world.supervisor().wake());
  }
  SUBCASE("libvirt is lost, and is asked again when it is back") {
    auto world = with_nics({kUserNic});
    world.connect_agent("a");
    const auto request = list(world);
    world.lose_libvirt();
    CHECK(world.answer(request) == "LibvirtUnavailable");
    CHECK(world.answer(list(world)) == "LibvirtUnavailable");
    world.domain("a").agent_addresses = {kOfUserNic};
    world.connect();
    world.deliver();
    CHECK(shown(world) == "10.0.2.15 net0 agent");
  }
}

TEST_CASE("addresses: a guest that shuts down is not asked") {
  auto world = with_nics({kUserNic});
  world.domain("a").shutdown_takes = 30s;
  world.request_stop_all();
  world.pass(1);
  world.connect_agent("a");
  CHECK(world.questions("a") == 0);
}
