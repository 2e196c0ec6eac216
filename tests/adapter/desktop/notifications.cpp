// SPDX-License-Identifier: LGPL-2.1-or-later
#include "desktop/notifications.hpp"

#include "fakes/dbusmock.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

namespace virtsession {
namespace {

using test::Client;
using test::DbusMock;
using test::loop_until;
using test::loop_until_idle;
using test::PrivateBus;

constexpr auto kAll = R"({"capabilities": "body body-markup actions"})";
constexpr auto kInterface = "org.freedesktop.Notifications";

Notice gave_up(const std::string& text, const std::string& uuid = "u1", const std::string& name = "web") {
  return {Incident::gave_up, uuid, name, text};
}
Notice bad_policy(const std::string& text, const std::string& uuid = "u1") {
  return {Incident::bad_policy, uuid, "web", text};
}

/// What a Notify carried.
struct Shown {
  std::string app;
  std::uint32_t replaces = 0;
  std::string summary;
  std::string body;
  std::vector<std::string> actions;
  std::map<std::string, sdbus::Variant> hints;
};

/// The code under test and the mock on one connection, so that their messages stay in order.
struct Desktop {
  explicit Desktop(const std::string& capabilities = kAll) { start(capabilities); }

  void start(const std::string& capabilities = kAll) {
    server.emplace(loop, bus, client, "notification_daemon", kInterface, "/org/freedesktop/Notifications",
                   capabilities);
  }
  std::vector<Shown> shown() const {
    std::vector<Shown> all;
    for (const auto& [method, arguments] : server->calls)
      if (method == "Notify")
        all.push_back({arguments.at(0).get<std::string>(), arguments.at(1).get<std::uint32_t>(),
                       arguments.at(3).get<std::string>(), arguments.at(4).get<std::string>(),
                       arguments.at(5).get<std::vector<std::string>>(),
                       arguments.at(6).get<std::map<std::string, sdbus::Variant>>()});
    return all;
  }
  std::vector<std::uint32_t> closed() const {
    std::vector<std::uint32_t> ids;
    for (const auto& [method, arguments] : server->calls)
      if (method == "CloseNotification")  // dbusmock has its argument as int32
        ids.push_back(static_cast<std::uint32_t>(arguments.at(0).get<std::int32_t>()));
    return ids;
  }
  /// Waits until the server has been asked this often, and until its answer has been taken.
  Shown shown_as(std::size_t number) {
    server->wait_for("Notify", number);
    server->fence();
    REQUIRE(shown().size() == number);
    return shown().back();
  }
  void press(std::uint32_t id, const std::string& action) {
    server->emit(kInterface, "ActionInvoked", "us", {sdbus::Variant(id), sdbus::Variant(action)});
  }
  void dismiss(std::uint32_t id) {
    server->emit(kInterface, "NotificationClosed", "uu", {sdbus::Variant(id), sdbus::Variant(std::uint32_t{2})});
  }

  EventLoop loop;
  PrivateBus bus;
  Client client{loop, bus};
  std::optional<DbusMock> server;
  std::vector<std::string> tried_again;
  std::string details = "All of it <here>";
  std::optional<Notifications> notifications{
      std::in_place, *client.connection,
      NotificationActions{[this](const std::string& uuid) { tried_again.push_back(uuid); },
                          [this](const Notice&) { return details; }}};
};

TEST_CASE("A VM that gave up is shown, with what can be done about it") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("failed to start: no disk <vda> & no hope"));
  const auto shown = desktop.shown_as(1);
  CHECK(shown.app == "virtsession");
  CHECK(shown.replaces == 0);
  CHECK(shown.summary == "Gave up starting virtual machine \"web\"");
  CHECK(shown.body == "failed to start: no disk &lt;vda&gt; &amp; no hope");
  CHECK(shown.actions ==
        std::vector<std::string>{"default", "Show", "try-again", "Try again", "details", "Show details"});
  CHECK(shown.hints.at("desktop-entry").get<std::string>() == "org.virtsession.Window");
  CHECK(shown.hints.at("urgency").get<std::uint8_t>() == 2);
  CHECK(shown.hints.at("category").get<std::string>() == "x-virtsession.vm.error");
  CHECK(desktop.server->count("GetCapabilities") == 1);

  desktop.notifications->show(bad_policy("unknown key"));
  const auto second = desktop.shown_as(2);
  CHECK(second.replaces == 0);
  CHECK(second.actions == std::vector<std::string>{"default", "Show", "details", "Show details"});
  CHECK(second.hints.at("urgency").get<std::uint8_t>() == 1);
  CHECK(desktop.server->count("GetCapabilities") == 1);
}

TEST_CASE("A server without buttons and markup gets none") {
  Desktop desktop(R"({"capabilities": "body"})");
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("a & b"));
  const auto shown = desktop.shown_as(1);
  CHECK(shown.body == "a & b");
  CHECK(shown.actions.empty());
}

TEST_CASE("One VM and incident has one notification, which changes with its text") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("first"));
  desktop.shown_as(1);
  desktop.notifications->show(gave_up("first"));
  desktop.notifications->show(gave_up("second"));
  const auto second = desktop.shown_as(2);
  CHECK(second.body == "second");
  CHECK(second.replaces == 1);

  SUBCASE("closed by the user, it stays away until there is news") {
    desktop.dismiss(1);
    desktop.notifications->show(gave_up("second"));
    desktop.server->fence();
    CHECK(desktop.shown().size() == 2);
    desktop.notifications->show(gave_up("third"));
    CHECK(desktop.shown_as(3).replaces == 0);
  }
  SUBCASE("over, it is closed, and the same text is news again") {
    desktop.notifications->withdraw({Incident::bad_policy, "u1"});
    desktop.notifications->withdraw({Incident::gave_up, "u2"});
    desktop.notifications->withdraw({Incident::gave_up, "u1"});
    desktop.notifications->withdraw({Incident::gave_up, "u1"});
    desktop.server->fence();
    CHECK(desktop.closed() == std::vector<std::uint32_t>{1});
    desktop.notifications->show(gave_up("second"));
    CHECK(desktop.shown_as(3).replaces == 0);
  }
}

TEST_CASE("A notice that is withdrawn before the server has answered is closed all the same") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(bad_policy("x"));
  desktop.shown_as(1);
  desktop.notifications->show(gave_up("first"));
  desktop.notifications->withdraw({Incident::gave_up, "u1"});
  desktop.server->wait_for("CloseNotification", 1);
  CHECK(desktop.closed() == std::vector<std::uint32_t>{2});
}

TEST_CASE("Try again asks for it and takes the notification away") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("first"));
  desktop.notifications->show(gave_up("other", "u2"));
  desktop.shown_as(2);
  desktop.press(77, "try-again");
  desktop.press(2, "try-again");
  loop_until(desktop.loop, "the button's effect", [&] { return !desktop.tried_again.empty(); });
  CHECK(desktop.tried_again == std::vector<std::string>{"u2"});
  desktop.server->fence();
  CHECK(desktop.closed() == std::vector<std::uint32_t>{2});
  desktop.notifications->show(gave_up("other", "u2"));  // it failed in the same way
  CHECK(desktop.shown_as(3).body == "other");
}

TEST_CASE("Show details shows all there is to say, also after the server has closed the notification") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up(std::string(2000, 'x')));
  CHECK(desktop.shown_as(1).body == std::string(300, 'x') + "\u2026");
  bool closes = false;
  SUBCASE("the server keeps it") {}
  SUBCASE("the server closes it") { closes = true; }
  desktop.details = std::string(1000, '<');
  desktop.press(1, "details");
  if (closes) desktop.dismiss(1);
  const auto shown = desktop.shown_as(2);
  std::string escaped;
  for (int i = 0; i < 1000; ++i) escaped += "&lt;";
  CHECK(shown.body == escaped);
  CHECK(shown.actions == std::vector<std::string>{"default", "Show", "try-again", "Try again"});
  desktop.notifications->withdraw({Incident::gave_up, "u1"});
  desktop.server->fence();
  CHECK(desktop.closed().size() == 1);
}

TEST_CASE("A click shows the details where there is no window to open") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("first"));
  desktop.shown_as(1);
  desktop.details = "all there is to say";
  desktop.press(1, "default");
  CHECK(desktop.shown_as(2).body == "all there is to say");
}

TEST_CASE("Switched off, nothing is asked of the desktop; switched on, what still holds is shown") {
  Desktop desktop;
  desktop.notifications->show(gave_up("first"));
  desktop.notifications->show(gave_up("over", "u2"));
  desktop.notifications->withdraw({Incident::gave_up, "u2"});
  desktop.server->fence();
  CHECK(desktop.server->calls.empty());
  desktop.notifications->set_enabled(true);
  CHECK(desktop.shown_as(1).body == "first");
  desktop.notifications->set_enabled(false);
  desktop.server->fence();
  CHECK(desktop.closed() == std::vector<std::uint32_t>{1});
  desktop.notifications->set_enabled(true);
  CHECK(desktop.shown_as(2).replaces == 0);
}

TEST_CASE("Without a server nothing happens, and one that comes shows what still holds") {
  Desktop desktop;
  desktop.server->stop();
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("first"));
  loop_until_idle(desktop.loop);
  desktop.notifications->show(gave_up("second"));
  desktop.start();
  CHECK(desktop.shown_as(1).body == "second");
}

TEST_CASE("A server that restarts is not told of ids that it does not know") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("first"));
  desktop.notifications->show(gave_up("other", "u2"));
  desktop.shown_as(2);
  desktop.server->stop();
  desktop.start();
  desktop.notifications->withdraw({Incident::gave_up, "u2"});
  desktop.notifications->show(gave_up("changed"));
  CHECK(desktop.shown_as(1).replaces == 0);
  CHECK(desktop.closed().empty());
  CHECK(desktop.server->count("GetCapabilities") == 1);
}

TEST_CASE("A server that hangs or dies over a call holds nothing up, and the notice is not lost") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("first"));
  desktop.shown_as(1);
  desktop.server->pause();
  desktop.notifications->show(gave_up("second"));
  loop_until_idle(desktop.loop);
  SUBCASE("it goes on") {
    desktop.server->go_on();
    CHECK(desktop.shown_as(2).body == "second");
  }
  SUBCASE("it dies") {
    desktop.server->stop();
    desktop.start();
    CHECK(desktop.shown_as(1).body == "second");
  }
  SUBCASE("we go first") {
    desktop.notifications.reset();
    desktop.server->go_on();
    desktop.server->fence();
  }
}

TEST_CASE("A notice that the server refuses does not keep others back") {
  Desktop desktop;
  desktop.server->control("AddMethod", std::string(kInterface), std::string("Notify"), std::string("susssasa{sv}i"),
                          std::string("u"),
                          std::string("if 'refuse' in args[4]:\n"
                                      "    raise dbus.exceptions.DBusException('no', name='org.example.No')\n"
                                      "ret = 5"));
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("refuse me", "u1"));
  desktop.notifications->show(gave_up("take me", "u2"));
  CHECK(desktop.shown_as(2).body == "take me");
}

TEST_CASE("Words that D-Bus would not carry are shown as far as they can be") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("qemu: \xff\xfe", "u1", "w\xc3"));
  const auto shown = desktop.shown_as(1);
  CHECK(shown.body == "qemu: \ufffd\ufffd");
  CHECK(shown.summary == "Gave up starting virtual machine \"w\ufffd\"");
}

TEST_CASE("A bus that is lost is survived") {
  Desktop desktop;
  desktop.notifications->set_enabled(true);
  desktop.notifications->show(gave_up("first"));
  desktop.shown_as(1);
  desktop.bus.stop();
  loop_until_idle(desktop.loop);
  desktop.notifications->show(gave_up("second"));
  desktop.notifications->withdraw({Incident::gave_up, "u1"});
  desktop.notifications->set_enabled(false);
  loop_until_idle(desktop.loop);
  desktop.notifications.reset();
}

}  // namespace
}  // namespace virtsession
