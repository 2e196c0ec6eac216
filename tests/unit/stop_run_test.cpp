// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

// All VMs are stopped: their order, deadlines, libvirt that is away, and what is ended without it.

TEST_CASE("stop run: the reverse of the start, one after the other where VMs need each other") {
  World world;
  define_chain(world);
  world.connect();
  world.end_session(300);
  CHECK(world.stops() == Strings{"button web"});
  CHECK(world.phase("db") == "stopping");
  CHECK(world.reason("db") == "waits for its turn to be stopped because of the end of the session");
  CHECK(world.supervisor()
            .stop_progress(world.now().steady)
            .starts_with("Stopping VMs because of the end of the session: 0 of 3 off; \"db\" stopping"));
  world.pass(31);
  CHECK(world.stops() == Strings{"button web", "button app", "button db"});
  CHECK(world.supervisor().session_over());
  CHECK(world.supervisor().stop_progress(world.now().steady).empty());
}

TEST_CASE("stop run: a VM that was given up does not hold up those behind it") {
  World world;
  define_chain(world);
  world.set_policy("web", {{"start_after", {"app"}}, {"stop_actions", {"shutdown"}}, {"stop_timeout_sec", 5}});
  world.domain("web").ignores_shutdown = true;
  world.connect();
  world.end_session(300);
  world.pass(30);
  CHECK_FALSE(world.running("app"));
  CHECK_FALSE(world.running("db"));
  CHECK(world.reason("web") == "could not be stopped; shutdown: not in time");
  CHECK(world.supervisor().session_over());
}

TEST_CASE("stop run: as many at once as the configuration says") {
  World world(Config{.stop_parallel = 2});
  for (const auto* name : {"a", "b", "c", "d", "e"}) {
    world.define(name, running());
    world.domain(name).shutdown_takes = 9s;
  }
  world.connect();
  world.end_session(1000);
  CHECK(world.pending().size() == 2);
  world.pass(10.5);
  CHECK(world.stops().size() == 4);
  world.pass(20);
  CHECK(world.supervisor().session_over());
}

TEST_CASE("stop run: too little time is shared, and what is last is still done for each") {
  World world;
  define_chain(world);
  for (const auto& name : world.names()) {
    world.domain(name).ignores_shutdown = true;
    world.domain(name).save_failure = "no space";
  }
  world.connect();
  world.end_session(40);
  world.pass(40);
  CHECK(world.terminated().empty());
  for (const auto& name : world.names()) {
    CAPTURE(name);
    CHECK_FALSE(world.running(name));
    CHECK(world.domain(name).snapshot.shutoff_reason == ShutoffReason::destroyed);
  }
}

TEST_CASE("stop run: what is not off before the deadline is ended without libvirt, but for what is left on purpose") {
  World world;
  world.define("stuck", running());
  world.define("behind", running({{"start_order", -1}}));
  world.define("left", running({{"start_order", -2}, {"stop_actions", {"leave"}}}));
  world.domain("stuck").snapshot.in_job = true;
  world.connect();
  world.end_session(100);
  world.pass(20);
  CHECK(world.stops().empty());
  world.pass(74.9);
  CHECK_MESSAGE(world.stops() == Strings{"button behind"}, "it does not wait for ever, and has time of its own");
  CHECK(world.terminated().empty());
  world.pass(0.2);
  CHECK(world.terminated() == Strings{"stuck"});
  CHECK(world.journal("stuck", Incident::forced).size() == 1);
  world.pass(1);
  CHECK(world.supervisor().session_over());
  CHECK(world.running("left"));

  SUBCASE("and is not waited for after it") {
    World other;
    other.define("stuck", running());
    other.domain("stuck").snapshot.in_job = true;
    other.domain("stuck").ignores_sigterm = true;
    other.connect();
    other.end_session(100);
    other.pass(99.9);
    CHECK_FALSE(other.supervisor().session_over());
    other.pass(0.1);
    CHECK(other.supervisor().session_over());
    CHECK_FALSE(other.supervisor().wake());
  }
}

TEST_CASE("stop run: no time at all") {
  for (const double seconds : {0.0, -5.0}) {
    CAPTURE(seconds);
    World world;
    world.define("a", running());
    world.connect();
    world.end_session(seconds);
    CHECK(world.supervisor().session_over());
    CHECK(world.terminated() == Strings{"a"});
  }
}

TEST_CASE("stop run: nothing to be stopped is over at once") {
  World world;
  world.define("off");
  world.connect();
  world.end_session(100);
  CHECK(world.supervisor().session_over());
  World unconnected;
  unconnected.end_session(100);
  CHECK(unconnected.supervisor().session_over());
}

TEST_CASE("stop run: libvirt is lost and comes back, and what was under way is tried again") {
  World world;
  define_chain(world);
  world.domain("db").ignores_shutdown = true;
  world.connect();
  world.end_session(300);
  world.pass(3);
  world.lose_libvirt();
  world.pass(1);
  CHECK(world.replacements().empty());
  CHECK(world.phase("web") == "unknown");
  world.connect();
  CHECK(world.stops() == Strings{"button web", "button web"});
  world.pass(100);
  CHECK(world.supervisor().session_over());
  CHECK(world.domain("db").snapshot.managed_save);
}

TEST_CASE("stop run: a VM that went off while libvirt was away is off") {
  World world;
  define_chain(world);
  world.connect();
  world.end_session(300);
  world.deliver();
  world.lose_libvirt();
  world.pass(11);  // web goes off
  world.connect();
  CHECK(world.pending() == Strings{"shut down app"});
}

TEST_CASE("stop run: a libvirt that cannot be reached is replaced, and what it cannot stop is ended without it") {
  World world;
  define_chain(world);
  world.connect();
  world.lose_libvirt();
  world.end_session(100);
  world.pass(5.1);
  CHECK(world.replacements() == Strings{"libvirt could not be reached while VMs are being stopped"});

  SUBCASE("it is back") {
    world.connect();
    world.pass(31);
    CHECK(world.supervisor().session_over());
    CHECK(world.terminated().empty());
    CHECK(world.replacements().size() == 1);
  }
  SUBCASE("it is not") {
    world.pass(9);
    CHECK(world.replacements().size() > 1);
    CHECK(world.terminated().empty());
    world.pass(2);
    CHECK(world.terminated().size() == 3);
    CHECK(world.supervisor().session_over());
    CHECK(world.journal("", Incident::stopped).back().ends_with(": 3 ended by SIGTERM"));
  }
}

TEST_CASE("stop run: a guest that was asked to shut down has its time, though libvirt does not come back") {
  World world;
  world.define("asked", running());
  world.define("later", running({{"stop_order", 1}}));
  world.domain("asked").shutdown_takes = 300s;
  world.connect();
  world.end_session(100);
  world.deliver();
  world.lose_libvirt();
  world.pass(20);
  CHECK(world.terminated() == Strings{"later"});
  world.pass(75);
  CHECK(world.terminated() == Strings{"later", "asked"});
}

TEST_CASE(
    "stop run: VMs of the last instance that were never seen are not waited for when libvirt does not come back") {
  World world;
  world.define("a", running());
  world.connect();
  world.restart_supervisor();
  world.end_session(100);
  world.pass(14);
  CHECK_FALSE(world.supervisor().session_over());
  world.pass(2);
  CHECK(world.supervisor().session_over());
}

TEST_CASE("stop run: a libvirt that hangs is replaced") {
  World world;
  define_chain(world);
  world.connect();
  world.hang_libvirt();
  world.replacement_takes = 2s;
  world.end_session(200);
  world.pass(4.9);
  CHECK(world.replacements().empty());
  world.pass(0.2);
  CHECK(world.replacements() == Strings{"libvirt does not answer while VMs are being stopped"});
  world.pass(40);
  CHECK(world.replacements().size() == 1);
  CHECK(world.supervisor().session_over());
  CHECK(world.journal("", Incident::stopped).back().ends_with(": 3 shut down"));

  SUBCASE("one that cannot be replaced is gone without") {
    World other;
    define_chain(other);
    other.connect();
    other.hang_libvirt();
    other.end_session(100);
    other.pass(94.9);
    CHECK(other.terminated().empty());
    other.pass(1);
    CHECK(other.terminated().size() == 3);
    CHECK(other.supervisor().session_over());
  }
  SUBCASE("a save takes its time, and is no hang; nor is a VM that is off") {
    World other;
    other.define("a", running({{"stop_actions", {"save"}}}));
    other.domain("a").save_takes = 50s;
    other.define("b", running());
    other.connect_agent("b");
    other.domain("b").agent_takes = 60s;
    other.connect();
    other.end_session(200);
    other.foreign_shutdown("b");
    other.pass(190);
    CHECK(other.replacements().empty());
    CHECK(other.supervisor().session_over());
  }
}

TEST_CASE("stop run: somebody does not want to wait") {
  World world;
  define_chain(world);
  world.domain("web").ignores_shutdown = true;
  world.domain("app").ignores_shutdown = true;
  world.connect();
  world.end_session(300);
  world.pass(3);
  world.forget_stops();
  world.hurry();
  world.hurry();
  world.pass(1);
  CHECK(world.stops() == Strings{"power off web", "power off app", "power off db"});  // in their order still
  CHECK(world.supervisor().session_over());
  CHECK(world.journal("db", Incident::forced).at(0).ends_with("; somebody did not want to wait"));

  SUBCASE("a save is aborted first") {
    World other;
    other.define("a", running({{"stop_actions", {"save", "shutdown", "poweroff"}}}));
    other.domain("a").save_takes = 30s;
    other.connect();
    other.end_session(300);
    other.pass(5);
    other.hurry();
    CHECK(other.pending() == Strings{"save a", "abort the job of a"});
    other.pass(1);
    CHECK(other.stops() == Strings{"save a", "power off a"});
  }
  SUBCASE("while libvirt is away: when it is back") {
    World other;
    define_chain(other);
    other.connect();
    other.end_session(300);
    other.lose_libvirt();
    other.hurry();
    other.connect();
    other.pass(1);
    CHECK(other.stops() == Strings{"button web", "power off web", "power off app", "power off db"});
  }
}

TEST_CASE("plan: who would be stopped, when and how") {
  World world;
  define_chain(world);
  world.define("off");
  world.define("guestfs", {.persistent = false, .running = true});
  world.define("blocked", running({{"stop_actions", {"save", "leave", "poweroff"}}, {"stop_order", -1}}));
  world.domain("blocked").snapshot.save_blocker = "it has a host device";
  world.connect_agent("db");
  world.connect();
  const auto plan = world.supervisor().plan_stop(1000s);
  Strings rows;
  for (const auto& step : plan) rows.push_back(std::to_string(step.wave) + " " + step.name + " " + step.decision);
  CHECK(rows == Strings{"1 blocked leave", "2 guestfs shutdown", "2 web shutdown", "3 app shutdown", "4 db shutdown",
                        "0 off skip"});
  CHECK(
      plan[0].reason ==
      "left to systemd, which ends it with the session, without a shutdown; order -1; not save: it has a host device");
  CHECK(plan[4].reason ==
        "shutdown by its agent for up to 60 s, then save for up to 60 s, then poweroff; order 0; "
        "after \"app\" is off");
  CHECK(world.pending().empty());
  CHECK(world.supervisor().plan_stop(65s)[2].reason.starts_with("shutdown by its power button for up to 7 s"));
}
