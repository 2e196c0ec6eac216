// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using nlohmann::json;

// GNOME Boxes saves or pauses all that runs when it is closed.

namespace {

/// "a" runs, and Boxes is open.
World beside_boxes(const VmSpec& spec) {
  auto world = with(spec);
  world.deliver();
  if (!world.running("a")) world.foreign_start("a");
  world.boxes(true);
  return world;
}

}  // namespace

TEST_CASE("saved by Boxes: what a login starts goes on when Boxes is closed, and the history says so") {
  const VmSpec specs[] = {{.autostart = true}, {.policy = {{"start", "was-running"}}}};
  for (const auto& spec : specs) {
    auto world = beside_boxes(spec);
    const auto starts = world.started().size();
    world.foreign_save_begins("a");
    world.foreign_save("a");
    CHECK(world.intent("a") == "up");
    CHECK(world.phase("a") == "waiting");
    CHECK(world.reason("a") == "waits for GNOME Boxes to be closed");
    world.pass(1000);
    CHECK(world.started().size() == starts);
    world.boxes(false);
    world.deliver();
    CHECK(world.phase("a") == "running");
    CHECK(world.started().size() == starts + 1);
    Strings told;
    for (const auto& entry : world.history("a"))
      if (entry.cause == "GNOME Boxes") told.push_back(std::string(to_text(entry.phase)));
    CHECK(told == Strings{"inactive", "queued", "waiting", "starting", "running"});
  }
}

TEST_CASE("saved by Boxes: a save that ends after Boxes has is its own, too; one that began before is not") {
  auto world = beside_boxes({.autostart = true});
  world.foreign_save_begins("a");
  world.boxes(false);
  world.foreign_save("a");
  world.deliver();
  CHECK(world.phase("a") == "running");
  world.foreign_save_begins("a");  // virsh
  world.foreign_save("a");
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a") == "saved");
  CHECK(world.intent("a") == "down");
}

TEST_CASE("saved by Boxes: nothing else goes on by itself") {
  struct Row {
    std::string what;
    VmSpec spec;
  };
  const Row rows[] = {{"not marked", {.policy = {{"restart", "always"}}}},
                      {"by its policy", {.autostart = true, .policy = {{"when_saved_by_others", "leave"}}}},
                      {"never", {.autostart = true, .policy = {{"start", "never"}}}}};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    auto world = beside_boxes(row.spec);
    const auto starts = world.started().size();
    world.foreign_save("a");
    CHECK(world.phase("a") == "inactive");
    CHECK(world.reason("a") == "saved by GNOME Boxes, which does that when it is closed");
    world.boxes(false);
    world.pass(1000);
    CHECK(world.started().size() == starts);
  }
  auto asked = beside_boxes({.autostart = true});
  const auto save = asked.request(RequestKind::save, "a");
  asked.deliver();
  CHECK(asked.answer(save) == "ok");
  asked.boxes(false);
  asked.pass(1000);
  CHECK(asked.phase("a") == "inactive");
}

TEST_CASE("saved by Boxes: while it waits it can be stopped and started, outlives virtsessiond, and counts as up") {
  auto world = beside_boxes({.autostart = true});
  world.foreign_save("a");
  SUBCASE("stopped") {
    world.request(RequestKind::shutdown, "a");
    world.boxes(false);
    world.pass(1000);
    CHECK(world.phase("a") == "inactive");
  }
  SUBCASE("started") {
    world.request(RequestKind::start, "a");
    world.deliver();
    CHECK(world.phase("a") == "running");
  }
  SUBCASE("the next instance") {
    world.restart_supervisor();
    world.boxes(true);
    world.connect();
    world.pass(1000);
    CHECK(world.reason("a") == "waits for GNOME Boxes to be closed");
    world.boxes(false);
    world.deliver();
    CHECK(world.phase("a") == "running");
  }
  SUBCASE("the end of the session") {
    world.end_session(60);
    CHECK(world.supervisor().kept_state().lasting["up"] == json::array({world.uuid("a")}));
  }
}

TEST_CASE("paused by Boxes as it is closed: what a login starts goes on, and the history says so") {
  for (const bool told_late : {false, true}) {
    CAPTURE(told_late);
    auto world = beside_boxes({.autostart = true});
    if (told_late) world.boxes(false);
    world.foreign_pause("a");
    if (!told_late) {
      world.pass(1);
      CHECK(world.phase("a") == "paused");
      world.boxes(false);
    }
    world.deliver();
    CHECK(world.phase("a") == "running");
    CHECK(world.domain("a").snapshot.state == DomainState::running);
    CHECK(world.intent("a") == "up");
    Strings told;
    for (const auto& entry : world.history("a"))
      if (entry.cause == "GNOME Boxes") told.push_back(std::string(to_text(entry.phase)) + ": " + entry.reason);
    CHECK(told == Strings{"paused: paused by GNOME Boxes, which does that when it is closed", "running: running"});
  }
}

TEST_CASE("paused by Boxes as it is closed: what is not to go on says who paused it") {
  const VmSpec specs[] = {{.policy = {{"restart", "always"}}},
                          {.autostart = true, .policy = {{"when_saved_by_others", "leave"}}},
                          {.autostart = true, .policy = {{"start", "never"}}}};
  for (const auto& spec : specs) {
    CAPTURE(spec.policy.dump());
    auto world = beside_boxes(spec);
    world.foreign_pause("a");
    world.boxes(false);
    world.pass(1000);
    CHECK(world.phase("a") == "paused");
    CHECK(world.reason("a") == "paused by GNOME Boxes, which does that when it is closed");
    CHECK(world.domain("a").snapshot.state == DomainState::paused);
  }
}

TEST_CASE("paused by Boxes as it is closed: a pause that a person wanted stays") {
  auto world = beside_boxes({.autostart = true});
  std::string by = "another libvirt client";
  SUBCASE("long before, with virsh") {
    world.foreign_pause("a");
    world.pass(60);
    world.boxes(false);
  }
  SUBCASE("long after") {
    world.boxes(false);
    world.pass(60);
    world.foreign_pause("a");
  }
  SUBCASE("with virtsession") {
    world.request(RequestKind::pause, "a");
    world.deliver();
    world.boxes(false);
    by = "tester";
  }
  world.pass(1000);
  CHECK(world.phase("a") == "paused");
  CHECK(world.reason("a") == "paused by " + by);
}

TEST_CASE("paused by Boxes as it is closed: it is not resumed while all are stopped, nor when a person is faster") {
  auto world = beside_boxes({.autostart = true});
  world.foreign_pause("a");
  SUBCASE("stopped") {
    world.request_stop_all();
    world.boxes(false);
    world.pass(1000);
    CHECK_FALSE(world.running("a"));
  }
  SUBCASE("resumed, and paused again later") {
    world.foreign_resume("a");
    world.boxes(false);
    world.pass(60);
    CHECK(world.phase("a") == "running");
    world.foreign_pause("a");
    world.pass(60);
    CHECK(world.phase("a") == "paused");
    CHECK(world.reason("a") == "paused by another libvirt client");
  }
}

TEST_CASE("paused by Boxes as the session ends: it is not saved as one that a person paused") {
  for (const bool by_boxes : {true, false}) {
    CAPTURE(by_boxes);
    auto world = beside_boxes({.autostart = true, .policy = {{"stop_actions", {"save"}}}});
    world.foreign_pause("a");
    if (!by_boxes) world.pass(60);
    world.end_session(60);
    world.boxes(false);
    world.deliver();
    world.pass(60);
    REQUIRE_FALSE(world.running("a"));
    const auto lasting = world.supervisor().kept_state().lasting.dump();
    CHECK((lasting.find("\"saved_paused\":true") == std::string::npos) == by_boxes);
  }
}
