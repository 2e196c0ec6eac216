// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/bus_source.hpp"

#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "util/event_loop.hpp"
#include "util/sdbus_compat.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {
namespace {

using namespace std::chrono_literals;
using test::loop_until;

std::unique_ptr<sdbus::IProxy> bus_proxy(sdbus::IConnection& connection) {
  return sdbus::createProxy(connection, sdbus_compat::ServiceName("org.freedesktop.DBus"),
                            sdbus::ObjectPath("/org/freedesktop/DBus"));
}

void ask_for_names(EventLoop& loop, sdbus::IConnection& connection) {
  const auto proxy = bus_proxy(connection);
  std::vector<std::string> names;
  proxy->callMethodAsync("ListNames")
      .onInterface("org.freedesktop.DBus")
      .uponReplyInvoke([&](sdbus_compat::AsyncError error, const std::vector<std::string>& all) {
        if (!error) names = all;
      });
  loop_until(loop, "the names", [&] { return !names.empty(); });
}

TEST_CASE("Calls are sent and answered through the loop, without a thread, and an idle bus lets it sleep") {
  EventLoop loop;
  test::PrivateBus bus;
  const auto connection = bus.connect();
  BusSource source(loop, *connection, {});
  ask_for_names(loop, *connection);
  test::loop_until_idle(loop);
  CHECK(sd_event_run(loop.get(), 20000) == 0);
}

TEST_CASE("What a blocking call has read already is handled, though nothing more arrives") {
  EventLoop loop;
  test::PrivateBus bus;
  const auto sender = bus.connect();
  BusSource sender_source(loop, *sender, {});
  const auto receiver = bus.connect();
  int seen = 0;
  const auto match =
      sdbus_compat::add_match(*receiver, "type='signal',member='NameOwnerChanged'", [&](sdbus::Message&) { ++seen; });
  for (int i = 0; i < 50; ++i) sdbus_compat::request_name(*sender, "org.example.N" + std::to_string(i));
  // Waits for its reply, and queues what comes before that.
  sdbus_compat::request_name(*receiver, "org.example.Receiver");
  BusSource source(loop, *receiver, {});
  loop_until(loop, "all signals", [&] { return seen >= 51; });
}

TEST_CASE("A call that nobody answers times out: the bus's own deadlines are served") {
  EventLoop loop;
  test::PrivateBus bus;
  const auto connection = bus.connect();
  const auto silent = bus.connect();  // never driven
  sdbus_compat::request_name(*silent, "org.example.Silent");
  BusSource source(loop, *connection, {});
  const auto proxy =
      sdbus::createProxy(*connection, sdbus_compat::ServiceName("org.example.Silent"), sdbus::ObjectPath("/"));
  std::string error_name;
  proxy->callMethodAsync("Ping")
      .onInterface("org.freedesktop.DBus.Peer")
      .withTimeout(20ms)
      .uponReplyInvoke(
          [&](sdbus_compat::AsyncError error) { error_name = error ? std::string(error->getName()) : "none"; });
  loop_until(loop, "the time-out", [&] { return !error_name.empty(); });
  CHECK(error_name == "org.freedesktop.DBus.Error.NoReply");
}

TEST_CASE("A lost bus is told once, on the loop, which then sleeps") {
  EventLoop loop;
  test::PrivateBus bus;
  const auto connection = bus.connect();
  std::vector<std::string> texts;
  std::optional<BusSource> source;
  bool destroy = false;
  SUBCASE("and the source stays") {}
  SUBCASE("and the source is destroyed by the handler") { destroy = true; }
  source.emplace(loop, *connection, [&](const std::string& text) {
    texts.push_back(text);
    if (destroy) source.reset();
  });
  bus.stop();
  loop_until(loop, "the loss", [&] { return !texts.empty(); });
  test::loop_until_idle(loop);
  CHECK(sd_event_run(loop.get(), 20000) == 0);
  REQUIRE(texts.size() == 1);
  CHECK(texts.front().starts_with("The connection to the bus is lost: "));
}

TEST_CASE("Nobody is told of a loss when the source is gone by then") {
  EventLoop loop;
  test::PrivateBus bus;
  const auto connection = bus.connect();
  int calls = 0;
  {
    BusSource source(loop, *connection, [&](const std::string&) { ++calls; });
    test::loop_until_idle(loop);
    bus.stop();
  }
  test::loop_until_idle(loop);
  CHECK(calls == 0);
}

}  // namespace
}  // namespace virtsession
