// SPDX-License-Identifier: LGPL-2.1-or-later
#include "readiness/tcp_prober.hpp"

#include "adapter/readiness/tcp_service.hpp"
#include "support/loop_until.hpp"
#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

namespace virtsession {
namespace {

using namespace std::chrono_literals;
using test::loop_until;
using test::loop_until_idle;
using test::Manner;
using test::TcpService;

struct ProberFixture {
  void want(const std::string& host, std::uint16_t port) { prober->want({{"vm", {host, port}}}); }
  bool is_ready(const std::string& uuid = "vm") const { return std::ranges::count(ready, uuid) == 1; }
  void wait_until_ready() {
    loop_until(loop, "readiness", [this] { return is_ready(); });
  }

  EventLoop loop;
  std::vector<std::string> ready;
  std::optional<TcpProber> prober{std::in_place, loop, [this](const std::string& uuid) { ready.push_back(uuid); }};
};

TEST_CASE("A service is ready when it speaks, or when it takes a client's leave") {
  ProberFixture test;
  TcpService service(test.loop, "127.0.0.1");
  SUBCASE("speaks") {
    service.listen(Manner::speaks);
    test.want("127.0.0.1", service.port());
    test.wait_until_ready();
    CHECK(service.accepted == 1);
  }
  SUBCASE("silent") {
    service.listen(Manner::silent);
    test.want("127.0.0.1", service.port());
    test.wait_until_ready();
    CHECK(service.accepted == 2);
  }
  // Once for a want, also when the same is wanted again.
  test.want("127.0.0.1", service.port());
  loop_until_idle(test.loop);
  CHECK(test.ready.size() == 1);
  const auto accepted = service.accepted;
  test.prober->want({});
  test.want("127.0.0.1", service.port());
  loop_until(test.loop, "readiness again", [&] { return test.ready.size() == 2; });
  CHECK(service.accepted > accepted);
}

TEST_CASE("A service that comes later is found") {
  ProberFixture test;
  TcpService service(test.loop, "127.0.0.1");
  test.want("127.0.0.1", service.port());
  // The first try is refused in the first pass; what finds the service is another one.
  loop_until_idle(test.loop);
  service.listen(Manner::speaks);
  CHECK(test.ready.empty());
  test.wait_until_ready();
}

TEST_CASE("A forwarder whose guest is not there yet does not count") {
  ProberFixture test;
  TcpService service(test.loop, "127.0.0.1");
  SUBCASE("the guest refuses") { service.listen(Manner::closes); }
  SUBCASE("the guest boots") { service.listen(Manner::holds); }
  SUBCASE("the guest boots, and then refuses") { service.listen(Manner::closes_then_not); }
  test.want("127.0.0.1", service.port());
  loop_until(test.loop, "several tries", [&] { return service.accepted >= 4; });
  CHECK(test.ready.empty());
  service.manner = Manner::silent;
  test.wait_until_ready();
}

TEST_CASE("Every address of a host is tried") {
  ProberFixture test;
  SUBCASE("IPv6") {
    TcpService service(test.loop, "::1");
    service.listen(Manner::silent);
    test.want("::1", service.port());
    test.wait_until_ready();
  }
  SUBCASE("localhost, IPv6 alone") {
    TcpService service(test.loop, "::1");
    service.listen(Manner::speaks);
    test.want("localhost", service.port());
    test.wait_until_ready();
  }
  SUBCASE("localhost, IPv4 alone") {
    TcpService service(test.loop, "127.0.0.1");
    service.listen(Manner::speaks);
    test.want("localhost", service.port());
    test.wait_until_ready();
  }
  SUBCASE("the last of several") {
    TcpService service(test.loop, "127.0.0.1");
    TcpService closes(test.loop, "::1");
    service.listen(Manner::speaks);
    closes.listen(Manner::closes);
    test.prober.emplace(
        test.loop, [&](const std::string& uuid) { test.ready.push_back(uuid); },
        [&, refused = TcpService(test.loop, "127.0.0.1").port()](const std::string&, std::uint16_t) {
          auto addresses = addresses_without_lookup("127.0.0.1", refused);
          addresses.push_back(addresses_without_lookup("::1", closes.port()).front());
          addresses.push_back(addresses_without_lookup("127.0.0.1", service.port()).front());
          return addresses;
        });
    test.want("several", 1);
    test.wait_until_ready();
    CHECK(closes.accepted == 1);
  }
}

TEST_CASE("At another host's address an open connection is enough") {
  if (geteuid() != 0) {
    MESSAGE("Not run: only root may make a network for itself");
    return;
  }
  test::in_mount_namespace([] {
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    // A host with an address that the kernel talks to from another one, as with a guest on a bridge.
    REQUIRE(std::system("ip link set lo up && ip address add 192.0.2.1/32 dev lo && "
                        "ip address add 192.0.2.2/32 dev lo && "
                        "ip route replace local 192.0.2.2 dev lo table local src 192.0.2.1") == 0);
    ProberFixture test;
    TcpService service(test.loop, "192.0.2.2");
    service.listen(Manner::holds);
    test.want("192.0.2.2", service.port());
    test.wait_until_ready();
    REQUIRE(service.accepted == 1);
    // It was not before the connection had stayed open for a while.
    TcpService closing(test.loop, "192.0.2.2");
    closing.listen(Manner::closes);
    test.prober->want({{"other", {"192.0.2.2", closing.port()}}});
    loop_until(test.loop, "several tries", [&] { return closing.accepted >= 3; });
    REQUIRE_FALSE(test.is_ready("other"));
  });
}

TEST_CASE("A name is looked up without blocking, for those who still want it") {
  ProberFixture test;
  TcpService service(test.loop, "127.0.0.1");
  service.listen(Manner::speaks);
  auto release = std::make_shared<std::counting_semaphore<>>(0);
  auto asked = std::make_shared<std::atomic<int>>(0);
  const auto lookup = [release, asked](const std::string& host, std::uint16_t port) {
    ++*asked;
    release->acquire();
    return host == "nobody" ? std::vector<SocketAddress>() : addresses_without_lookup("127.0.0.1", port);
  };
  test.prober.emplace(
      test.loop, [&](const std::string& uuid) { test.ready.push_back(uuid); }, lookup);
  const TcpProbe slow{"slow", service.port()};
  const TcpProbe fast{"127.0.0.1", service.port()};
  test.prober->want({{"slow", slow}, {"fast", fast}});
  loop_until(test.loop, "the one that needs no look-up", [&] { return test.is_ready("fast"); });
  loop_until(test.loop, "the look-up", [&] {
    test.loop.post([] {});
    return *asked == 1;
  });
  CHECK_FALSE(test.is_ready("slow"));
  SUBCASE("it ends") {
    release->release();
    loop_until(test.loop, "the looked-up one", [&] { return test.is_ready("slow"); });
  }
  SUBCASE("not wanted any more") {
    const auto accepted = service.accepted;
    test.prober->want({});
    release->release(2);
    // By the next look-up's end, the first one's would have had its effect.
    test.prober->want({{"next", slow}});
    loop_until(test.loop, "the next", [&] { return test.is_ready("next"); });
    CHECK_FALSE(test.is_ready("slow"));
    CHECK(service.accepted == accepted + 1);
  }
  SUBCASE("the prober goes first") {
    test.prober.reset();
    release->release();
    loop_until_idle(test.loop);
    CHECK_FALSE(test.is_ready("slow"));
  }
  SUBCASE("a name without an address is asked for again") {
    release->release(100);
    test.prober->want({{"nobody", {"nobody", 1}}});
    loop_until(test.loop, "more look-ups", [&] { return *asked >= 4; });
    CHECK_FALSE(test.is_ready("nobody"));
  }
}

TEST_CASE("A lookup that outlives prober and loop ends in peace") {
  auto release = std::make_shared<std::binary_semaphore>(0);
  auto ended = std::make_shared<std::atomic<bool>>(false);
  {
    ProberFixture test;
    auto asked = std::make_shared<std::atomic<bool>>(false);
    test.prober.emplace(
        test.loop, [](const std::string&) {},
        [release, ended, asked](const std::string&, std::uint16_t) {
          *asked = true;
          release->acquire();
          *ended = true;
          return std::vector<SocketAddress>();
        });
    test.want("slow", 1);
    while (!*asked) std::this_thread::yield();
  }
  release->release();
  while (!*ended) std::this_thread::yield();
}

TEST_CASE("The system's name services are asked") {
  if (geteuid() != 0) {
    MESSAGE("Not run: only root may change the hosts file for itself");
    return;
  }
  test::in_mount_namespace([] {
    const test::TemporaryFolder folder;
    std::ofstream(folder / "hosts") << "127.0.0.1 guest.virtsession.test\n";
    test::bind_mount(folder / "hosts", "/etc/hosts");
    ProberFixture test;
    TcpService service(test.loop, "127.0.0.1");
    service.listen(Manner::speaks);
    test.want("guest.virtsession.test", service.port());
    test.wait_until_ready();
  });
}

TEST_CASE("What is taken back in flight is dropped, whatever it was doing") {
  ProberFixture test;
  TcpService holds(test.loop, "127.0.0.1");
  TcpService refuses(test.loop, "127.0.0.1");
  TcpService speaks(test.loop, "127.0.0.1");
  holds.listen(Manner::holds);
  speaks.listen(Manner::speaks);
  const TcpProbe speaking{"127.0.0.1", speaks.port()};
  test.prober->want({{"holding", {"127.0.0.1", holds.port()}},
                     {"pausing", {"127.0.0.1", refuses.port()}},
                     {"connecting", {"192.0.2.77", 9}},
                     {"a", speaking}});
  loop_until(test.loop, "all under way", [&] { return test.is_ready("a") && holds.accepted == 1; });
  SUBCASE("by name") {
    test.prober->want({{"b", speaking}});
    loop_until(test.loop, "the next", [&] { return test.is_ready("b"); });
    CHECK(test.ready == std::vector<std::string>{"a", "b"});
  }
  SUBCASE("for another service") {
    test.prober->want({{"holding", speaking}});
    loop_until(test.loop, "the other", [&] { return test.is_ready("holding"); });
  }
  SUBCASE("all") {
    test.prober.reset();
    loop_until_idle(test.loop);
  }
}

TEST_CASE("The handler may want something else, and end the prober") {
  EventLoop loop;
  TcpService service(loop, "127.0.0.1");
  service.listen(Manner::speaks);
  const TcpProbe probe{"127.0.0.1", service.port()};
  std::optional<TcpProber> prober;
  int calls = 0;
  prober.emplace(loop, [&](const std::string& uuid) {
    ++calls;
    if (uuid == "first")
      prober->want({{"second", probe}});
    else
      prober.reset();
  });
  prober->want({{"first", probe}});
  loop_until(loop, "the prober's end", [&] { return !prober; });
  CHECK(calls == 2);
}

}  // namespace
}  // namespace virtsession
