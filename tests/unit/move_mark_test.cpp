// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

// A VM that virtsession-move is moving between qemu:///system and qemu:///session is started by nobody.

namespace {

void mark(World& world, const std::string& name, const std::string& text) {
  world.domain(name).snapshot.move_mark = text;
  world.refresh(name);
}

const std::string kLeaves =
    "it is being moved to qemu:///system; a move that was interrupted is continued by \"virtsessionctl move web "
    "--resume\" and taken back by \"virtsessionctl move web --undo\"";

}  // namespace

TEST_CASE("move: a marked VM that is being moved is started by no login, no start of all and no request") {
  for (const std::string state : {"leaving", "arriving"}) {
    CAPTURE(state);
    World world;
    world.define("web", {.autostart = true});
    world.define("db", {.autostart = true});
    mark(world, "web", state);
    world.connect();
    world.deliver();
    CHECK(world.started() == Strings{"db"});
    CHECK(world.phase("web") == "inactive");
    CHECK(world.reason("web").starts_with("it is being moved "));
    CHECK(world.autostart_state() == "done");

    CHECK(world.answer(world.request_autostart()) == "ok");
    const auto request = world.request(RequestKind::start, "web");
    CHECK(world.answer(request) == "Busy");
    CHECK(world.answer_text(request).find("virtsessionctl move web --undo") != std::string::npos);
    world.deliver();
    CHECK(world.started() == Strings{"db"});
    for (const auto& step : world.supervisor().plan_start({}))
      if (step.name == "web") CHECK(step.reason == world.reason("web"));

    mark(world, "web", "");
    CHECK(world.reason("web") == "off");
    CHECK(world.answer(world.request_autostart(false)) == "ok");
    world.deliver();
    CHECK(world.running("web"));
  }
}

TEST_CASE("move: what waits for its start is dropped when its move begins, and the reason says why") {
  World world;
  world.define("web", {.autostart = true, .policy = {{"start_if_paths", {"/srv"}}}});
  world.connect();
  CHECK(world.phase("web") == "waiting");
  mark(world, "web", "leaving");
  CHECK(world.phase("web") == "inactive");
  CHECK(world.reason("web") == kLeaves);
  world.facts({.paths = {{"/srv", {.exists = true}}}});
  world.deliver();
  CHECK(world.started().empty());
}

TEST_CASE("move: a source that was kept is a VM like others, and one that runs is not spoken of") {
  World world;
  world.define("kept");
  mark(world, "kept", "left");
  world.define("web", {.running = true});
  mark(world, "web", "leaving");
  world.connect();
  CHECK(world.reason("web") == "running");
  CHECK(world.answer(world.request(RequestKind::start, "kept", [](VmRequest& r) { r.wait = false; })) == "ok");
}

TEST_CASE("move: the command names a VM with an odd name by its uuid") {
  DomainSnapshot domain;
  domain.name = "a b";
  domain.uuid = "11111111-2222-3333-4444-555555555555";
  domain.move_mark = "arriving";
  CHECK(why_moved_away(domain).find("virtsessionctl move 11111111-2222-3333-4444-555555555555 --resume") !=
        std::string::npos);
  domain.name = "--undo";
  CHECK(why_moved_away(domain).find("move 1111") != std::string::npos);
}
