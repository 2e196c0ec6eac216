// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// All VMs are stopped: their order, deadlines, libvirt that is away, and what is left behind.

namespace {

/// web starts after app, and that after db.
void define_chain(World& world, Duration shutdown_takes = 5s) {
  world.define("db", running());
  world.define("app", running({{"start_after", {"db"}}}));
  world.define("web", running({{"start_after", {"app"}}}));
  for (const auto& name : world.names()) world.domain(name).shutdown_takes = shutdown_takes;
}

}  // namespace

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
    CHECK(world.domain(name).snapshot.stop_reason == StopReason::destroyed);
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
    world.pass(89);
    CHECK(world.replacements().size() > 1);
    CHECK(world.terminated().empty());
    world.pass(2);
    CHECK(world.terminated().size() == 3);
    CHECK(world.supervisor().session_over());
    CHECK(world.journal("", Incident::stopped).back().ends_with(": 3 ended by SIGTERM"));
  }
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

TEST_CASE("stop all: it is answered when all are off, or at once, and VMs can be started again") {
  World world;
  define_chain(world);
  world.connect();
  const auto id = world.request_stop_all();
  CHECK(world.answer(world.request_stop_all(false)) == "ok");
  CHECK(world.answer(world.request(RequestKind::start, "web")) == "ShuttingDown");
  CHECK(world.answer(world.request_autostart()) == "ShuttingDown");
  CHECK(world.answer(id) == "");
  CHECK(world.stop_state() == "running");
  world.pass(31);
  CHECK(world.answer(id) == "ok");
  CHECK(world.stop_state() == "idle");
  CHECK(world.history("db").back().cause == "tester");
  CHECK(world.intent("db") == "down");
  CHECK_FALSE(world.supervisor().session_over());
  CHECK_FALSE(world.supervisor().wake());
  CHECK(world.answer(world.request(RequestKind::start, "web")) == "");
  world.deliver();
  CHECK(world.phase("web") == "running");
  CHECK(world.request_stop_all() > 0);
  world.pass(11);
  CHECK(world.phase("web") == "inactive");
}

TEST_CASE("stop all: what waits to be started is not any more") {
  World world(Config{.parallel = 1});
  world.define("now", {.autostart = true});
  world.define("then", {.autostart = true, .policy = {{"start_order", 1}}});
  world.define("disk", {.autostart = true, .policy = {{"start_if_paths", {"/mnt"}}}});
  world.define("crashed", {.policy = {{"restart", "always"}}, .running = true});
  world.connect();
  world.kill_qemu("crashed");
  const auto autostart = world.request_autostart();
  const auto id = world.request_stop_all();
  CHECK(world.answer(autostart) == "ShuttingDown");
  world.pass(1);
  CHECK(world.answer(id) == "ok");
  for (const auto& name : world.names()) {
    CAPTURE(name);
    CHECK(world.phase(name) == "inactive");
    CHECK(world.intent(name) == "down");
  }
  CHECK(world.reason("then") == "not started: tester");
  world.facts({.paths = {{"/mnt", true}}});
  world.pass(1000);
  CHECK(world.started() == Strings{"now"});
}

TEST_CASE("stop all: with a deadline it ends then, tells who still runs, and leaves no phase behind") {
  World world;
  world.define("slow", running({{"stop_actions", {"save"}}}));
  world.define("behind", {.policy = {{"start_order", -1}, {"start_ready", "agent"}}});
  world.domain("slow").save_takes = 60s;
  world.connect();
  world.foreign_start("behind");
  const auto id = world.request_stop_all(true, 30);
  world.pass(29);
  CHECK(world.answer(id) == "");
  CHECK(world.phase("behind") == "stopping");
  world.pass(1);
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.answer_text(id).find("\"behind\" (waits for its turn") != std::string::npos);
  CHECK(world.terminated().empty());
  CHECK(world.phase("behind") == "waiting-ready");
  CHECK(world.intent("behind") == "up");
  world.pass(1000);
  CHECK(world.stops() == Strings{"save slow"});
  CHECK(world.phase("slow") == "inactive");

  SUBCASE("a call that is under way ends as it does") {
    World other;
    other.define("saved", running({{"stop_actions", {"save"}}}));
    other.define("asked", running({{"stop_actions", {"shutdown"}}}));
    other.domain("saved").save_takes = 60s;
    other.domain("asked").agent_takes = 40s;
    other.domain("asked").ignores_shutdown = true;
    other.domain("asked").ignores_button = true;
    other.connect_agent("asked");
    other.connect();
    const auto late = other.request_stop_all(true, 30);
    other.pass(30);
    CHECK(other.answer(late) == "OperationFailed");
    CHECK(other.phase("saved") == "saving");
    other.pass(31);
    CHECK(other.phase("saved") == "inactive");
    CHECK(other.history("saved").back().cause == "tester");
    CHECK(other.phase("asked") == "running");
    other.kill_qemu("asked");
    CHECK(other.intent("asked") == "none");
  }
}

TEST_CASE("stop all: a second one may want it sooner") {
  World world;
  world.define("a", running());
  world.domain("a").ignores_shutdown = true;
  world.domain("a").save_failure = "no space";
  world.connect();
  const auto patient = world.request_stop_all();
  world.pass(2);
  const auto id = world.request_stop_all(true, 20);
  world.pass(20);
  CHECK(world.answer(id) == "ok");
  CHECK(world.answer(patient) == "ok");
  CHECK(world.stops().back() == "power off a");
}

TEST_CASE("stop all: without libvirt it is refused") {
  World world;
  world.define("a", running());
  CHECK(world.answer(world.request_stop_all()) == "LibvirtUnavailable");
}

TEST_CASE("stop all: what another client starts meanwhile runs on, at the end of the session it does not") {
  for (const bool session : {false, true}) {
    CAPTURE(session);
    World world;
    define_chain(world, 9s);
    world.define("other");
    world.connect();
    const auto id = session ? 0 : world.request_stop_all();
    if (session) world.end_session(1000);
    world.pass(15);
    world.foreign_start("other");
    world.foreign_start("web");  // which was stopped already
    world.pass(60);
    CHECK(world.running("other") != session);
    CHECK(world.running("web") != session);
    CHECK(world.phase("web") == (session ? "inactive" : "running"));
    CHECK_FALSE(world.running("db"));
    if (!session) CHECK(world.answer_text(id) == "these VMs still run: \"web\" (started)");
    if (session) CHECK(world.supervisor().session_over());
    if (session) CHECK(world.journal("", Incident::stopped).back().ends_with(": 4 shut down"));
  }
}

TEST_CASE("stop all: a session that ends meanwhile cuts it short, and stops what it left") {
  World world;
  world.define("a", running());
  world.define("failed", running({{"stop_actions", {"shutdown"}}, {"stop_timeout_sec", 1}}));
  world.domain("a").ignores_shutdown = true;
  world.domain("a").save_failure = "no space";
  world.domain("failed").ignores_shutdown = true;
  world.define("up", {.policy = {{"start", "was-running"}}});
  world.connect();
  const auto id = world.request_stop_all();
  world.pass(5);
  CHECK(world.reason("failed").starts_with("could not be stopped"));
  world.domain("failed").ignores_shutdown = false;
  world.foreign_start("up");
  world.end_session(25);
  CHECK(world.answer(world.request_stop_all(false)) == "ok");
  world.pass(25);
  CHECK(world.terminated().empty());
  CHECK(world.answer(id) == "ok");
  CHECK_FALSE(world.running("failed"));
  CHECK(world.domain("a").snapshot.stop_reason == StopReason::destroyed);
  CHECK(world.supervisor().session_over());
  CHECK(world.answer(world.request_stop_all()) == "ShuttingDown");
  CHECK(world.supervisor().kept_state().lasting == json{{"up", {world.uuid("failed"), world.uuid("up")}}});
}

TEST_CASE("next instance: it goes on with a stop that was under way, to the same deadline") {
  World world;
  define_chain(world, 1s);
  world.define("off");
  world.domain("app").snapshot.in_job = true;
  world.connect();
  world.end_session(100);
  world.pass(15);
  CHECK_FALSE(world.running("web"));
  const auto kept = world.supervisor().kept_state();
  CHECK(Supervisor::is_in_stop(kept));
  CHECK(kept.lasting["up"].size() == 3);
  world.restart_supervisor();
  CHECK(world.stop_state() == "running");
  CHECK(world.supervisor().session_end() == world.now().steady + 85s);
  CHECK_FALSE(world.supervisor().session_over());
  world.pass(1);
  CHECK_MESSAGE(world.replacements().empty(), "it was given no time to be reached");
  world.connect();
  CHECK(world.answer(world.request(RequestKind::start, "off")) == "ShuttingDown");
  CHECK(world.supervisor().kept_state().lasting == kept.lasting);
  world.domain("app").snapshot.in_job = false;
  world.refresh("app");
  world.pass(30);
  CHECK(world.stops() == Strings{"button web", "button app", "button db"});
  CHECK(world.supervisor().session_over());

  SUBCASE("what is kept then is for the next login: it starts what is marked, and what was up") {
    const auto after = world.supervisor().kept_state();
    CHECK(after.login == json::object());
    CHECK(after.lasting == kept.lasting);
    world.set_policy("web", {{"start", "was-running"}});
    world.set_policy("off", {{"start", "was-running"}});
    world.set_flag("db", true);
    world.start_supervisor(after);
    world.connect();
    world.deliver();
    CHECK(world.started() == Strings{"db", "web"});
  }
}

TEST_CASE("next instance: a stop goes on without libvirt, to its deadline") {
  World world;
  define_chain(world);
  world.connect();
  world.end_session(100);
  world.lose_libvirt();
  world.restart_supervisor();
  world.pass(5.5);
  CHECK(world.replacements().size() == 1);
  CHECK_FALSE(world.supervisor().session_over());
  world.pass(95);
  CHECK(world.supervisor().session_over());
}

TEST_CASE("next login: what was being started when the session ended is up") {
  World world;
  const json policy = {{"start", "was-running"}, {"start_after", {"db"}}};
  world.define("db", {.autostart = true});
  world.define("app", {.autostart = true, .policy = policy});
  world.domain("db").start_takes = 10s;
  world.connect();
  world.end_session(100);
  CHECK(world.phase("app") == "inactive");
  CHECK(world.reason("app") == "not started: the end of the session");
  world.pass(20);
  CHECK(world.supervisor().kept_state().lasting == json{{"up", {world.uuid("db"), world.uuid("app")}}});
}

TEST_CASE("next login: a session that ends before libvirt was reached loses nothing") {
  World world;
  world.define("a", {.policy = {{"start", "was-running"}}});
  const json up = {{"up", {world.uuid("a")}}};
  world.start_supervisor({json::object(), up});
  world.end_session(100);
  CHECK(world.supervisor().session_over());
  CHECK(world.supervisor().kept_state().lasting == up);
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
  CHECK(rows == Strings{"1 blocked leave", "2 web shutdown", "3 app shutdown", "4 db shutdown", "0 guestfs skip",
                        "0 off skip"});
  CHECK(plan[0].reason == "leave; order -1; not save: it has a host device");
  CHECK(plan[3].reason ==
        "shutdown by its agent for up to 60 s, then save for up to 60 s, then poweroff; order 0; "
        "after \"app\" is off");
  CHECK(world.pending().empty());
  CHECK(world.supervisor().plan_stop(65s)[1].reason.starts_with("shutdown by its power button for up to 8 s"));
}
