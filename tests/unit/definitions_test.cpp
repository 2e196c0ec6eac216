// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

namespace {

Strings rows(World& world) {
  Strings result;
  for (const auto& entry : world.supervisor().history({}, 0)) result.push_back(entry.name + ": " + entry.reason);
  return result;
}

DomainEvent event(int number, DomainEventKind kind) {
  return {"00000000-0000-4000-8000-00000000000" + std::to_string(number), kind, "vm" + std::to_string(number)};
}

}  // namespace

TEST_CASE("definitions: each that libvirt told of is in the history, in its order, though none was ever read") {
  World world;
  world.connect();
  const auto now = world.now();  // for all: a clock may stand still
  for (const int number : {3, 1, 2}) {
    world.supervisor().on_domain_event(event(number, DomainEventKind::defined), now);
    world.supervisor().on_domain_event(event(number, DomainEventKind::undefined), now);
    world.supervisor().on_domain(event(number, {}).uuid, std::nullopt, now);
  }
  CHECK(rows(world) == Strings{"vm3: defined", "vm3: removed from libvirt", "vm1: defined", "vm1: removed from libvirt",
                               "vm2: defined", "vm2: removed from libvirt"});
}

TEST_CASE("definitions: what is read after it was told gets no second row") {
  World world;
  world.connect();
  world.define("a");
  world.define("b");
  CHECK(world.phase("a") == "inactive");
  world.undefine("a");
  CHECK(rows(world) == Strings{"a: defined", "b: defined", "a: removed from libvirt"});
}

TEST_CASE("definitions: a reading that is older than the last event makes no row of its own either") {
  World world;
  world.connect();
  world.define("a");
  const auto read = world.domain("a").snapshot;
  const auto tell = [&](DomainEventKind kind) {
    world.supervisor().on_domain_event({read.uuid, kind, "a"}, world.now());
  };
  tell(DomainEventKind::undefined);
  tell(DomainEventKind::defined);
  world.supervisor().on_domain(read.uuid, std::nullopt, world.now());
  world.supervisor().on_domain(read.uuid, read, world.now());
  world.supervisor().take_actions();
  CHECK(rows(world) == Strings{"a: defined", "a: removed from libvirt", "a: defined again"});
}

TEST_CASE("definitions: one that was lost with the connection is seen by the next list") {
  World world;
  world.connect();
  world.define("a");
  world.lose_libvirt();
  world.undefine("a");
  world.connect();
  CHECK(rows(world) == Strings{"a: defined", "a: removed from libvirt"});
}

TEST_CASE("definitions: a VM that runs on without its definition, and one that is changed") {
  World world;
  world.connect();
  world.define("a");
  world.event("a", DomainEventKind::defined);
  CHECK(rows(world).back() == "a: its definition was changed");
  world.foreign_start("a");
  world.undefine("a");
  CHECK(rows(world).back() == "a: its definition was removed from libvirt, and it runs on");
}
