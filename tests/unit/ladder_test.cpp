// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// What the way down knows of its VM: transient ones, guests that sleep, what cannot be saved, shutdowns cut short.

namespace {

VmSpec transient(const json& policy = nullptr) { return {.policy = policy, .persistent = false, .running = true}; }

/// The row of the plan for the end of the session.
PlanStep planned(World& world, const std::string& name) {
  const auto steps = world.supervisor().plan_stop(300s);
  const auto row = std::ranges::find(steps, name, &PlanStep::name);
  REQUIRE(row != steps.end());
  return *row;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("transient: at the end of the session its guest is asked to shut down, then its plug is pulled") {
  World world;
  world.define("lab", transient());
  world.define("stubborn", transient({{"stop_timeout_sec", 5}}));
  world.define("saved", transient({{"stop_actions", {"save"}}}));
  world.domain("lab").shutdown_takes = 3s;
  world.domain("stubborn").ignores_shutdown = true;
  world.connect();
  CHECK(world.supervisor().scopes().size() == 3);
  CHECK(planned(world, "lab").decision == "shutdown");
  CHECK(says(planned(world, "lab").reason, "not save: it is transient"));
  CHECK(says(planned(world, "saved").reason, "shutdown by its power button for up to 60 s, then poweroff"));
  const auto uuid = world.uuid("lab");
  world.end_session(300);
  world.pass(60);
  CHECK(std::ranges::count(world.stops(), "button lab") > 0);
  CHECK(world.stops().back() == "power off stubborn");
  CHECK(world.terminated().empty());
  CHECK(world.names().empty());
  CHECK(world.supervisor().session_over());
  CHECK(world.journal("", Incident::stopped).back().ends_with(": 1 powered off, 2 shut down"));
  CHECK(world.supervisor().history(uuid, 1).front().reason == "shut down, and gone: it was transient");
  CHECK(world.supervisor().kept_state().lasting == json{{"up", json::array()}});
}

TEST_CASE("transient: libvirt does not stop it, and QEMU gets SIGTERM before the deadline") {
  World world;
  world.define("a", transient());
  world.connect();
  world.end_session(60);
  world.hang_libvirt();
  world.pass(60);
  CHECK(world.terminated() == Strings{"a"});
  CHECK(world.supervisor().session_over());
}

TEST_CASE("transient: nobody but the end of the session touches it") {
  World world;
  world.define("a", transient({{"sleep", "pause"}, {"restart", "always"}}));
  world.define("own", running());
  world.connect();
  CHECK(world.answer(world.request_stop_all()) == "");
  world.sleep();
  world.pass(60);
  world.wake_up();
  world.pass(60);
  CHECK(world.running("a"));
  CHECK(world.stops() == Strings{"button own"});
  world.kill_qemu("a");
  CHECK_FALSE(world.exists("a"));
  CHECK(world.started().empty());
}

TEST_CASE("transient: an appliance of libguestfs ends at once, and nobody waits for it") {
  World world;
  world.define("guestfs-x", transient({{"start_order", -5}, {"stop_timeout_sec", 100}}));
  world.domain("guestfs-x").snapshot.appliance = true;
  world.domain("guestfs-x").ignores_sigterm = true;
  world.domain("guestfs-x").power_off_failure = "it hangs";
  define_chain(world, 4s);
  world.connect();
  CHECK(planned(world, "guestfs-x").decision == "poweroff");
  CHECK(says(planned(world, "guestfs-x").reason, "libguestfs"));
  world.end_session(300);
  CHECK(world.stops() == Strings{"power off guestfs-x", "button web"});
  world.pass(13);
  CHECK_FALSE(world.running("db"));
  CHECK(world.supervisor().session_over());
}

TEST_CASE("transient: it was powered off, also when it is gone before libvirt has told why") {
  World world;
  world.define("guestfs-x", transient());
  world.domain("guestfs-x").snapshot.appliance = true;
  world.connect();
  const auto uuid = world.uuid("guestfs-x");
  world.end_session(300);
  CHECK(world.stops() == Strings{"power off guestfs-x"});
  world.kill_qemu("guestfs-x");
  CHECK(world.supervisor().history(uuid, 1).front().reason == "powered off, and gone: it was transient");
}

TEST_CASE("leave: the plan and the journal say that systemd ends it") {
  auto world = with(running({{"stop_actions", {"leave"}}}));
  CHECK(planned(world, "a").decision == "leave");
  CHECK(says(planned(world, "a").reason, "systemd, which ends it with the session, without a shutdown"));
  world.end_session(300);
  CHECK(says(world.reason("a"), "left running, as its policy says: systemd ends it with the session"));
}

TEST_CASE("asleep: a guest is woken before it is asked to shut down") {
  auto world = with(running());
  world.domain("a").snapshot.state = DomainState::pm_suspended;
  world.refresh("a");
  SUBCASE("at the end of the session") {
    world.end_session(300);
    CHECK(world.pending() == Strings{"resume a"});
    world.pass(5);
    CHECK(world.journal("", Incident::stopped).back().ends_with(": 1 shut down"));
  }
  SUBCASE("and its firmware resets the machine on the way") {
    world.end_session(300);
    SUBCASE("") { world.deliver("a"); }
    SUBCASE("before libvirt has told that it is awake") {}
    world.event("a", DomainEventKind::rebooted);
    world.pass(5);
    CHECK(world.journal("", Incident::stopped).back().ends_with(": 1 shut down"));
  }
  SUBCASE("by a request") {
    const auto id = world.request(RequestKind::shutdown, "a");
    CHECK(world.pending() == Strings{"resume a"});
    world.pass(5);
    CHECK(world.answer(id) == "ok");
    CHECK(world.domain("a").snapshot.shutoff_reason == ShutoffReason::shutdown);
  }
  SUBCASE("before it is saved") {
    world.set_policy("a", {{"stop_actions", {"save"}}});
    world.end_session(300);
    CHECK(world.pending() == Strings{"resume a"});
    world.pass(10);
    CHECK(world.domain("a").snapshot.managed_save);
  }
  SUBCASE("it cannot be woken: it is saved as it is") {
    world.domain("a").resume_failure = "no wakeup";
    world.end_session(300);
    world.pass(10);
    CHECK(world.stops() == Strings{"save a"});
    CHECK(world.domain("a").snapshot.managed_save);
  }
}

TEST_CASE("asleep: a guest that sleeps on its power button is not waited for") {
  auto world = with(running());
  world.domain("a").sleeps_on_button = true;
  SUBCASE("at the end of the session the next action follows at once") {
    world.end_session(300);
    world.pass(3);
    CHECK(world.stops() == Strings{"button a", "save a"});
    CHECK(world.supervisor().session_over());
    CHECK(
        says(world.history("a").at(world.history("a").size() - 2).reason, "shutdown: the guest went to sleep instead"));
  }
  SUBCASE("a request ends, and says so") {
    const auto id = world.request(RequestKind::shutdown, "a");
    world.pass(1);
    CHECK(world.answer(id) == "OperationFailed");
    CHECK(world.answer_text(id) == "\"a\" went to sleep instead of shutting down");
    CHECK(world.phase("a") == "asleep");
    CHECK(world.intent("a") == "up");
  }
  SUBCASE("a stop that can do nothing else leaves it asleep, and says that it is") {
    world.set_policy("a", {{"stop_actions", {"shutdown"}}});
    world.request_stop_all();
    world.pass(3);
    CHECK(world.phase("a") == "asleep");
    CHECK(world.view("a").last_error == "could not be stopped; shutdown: the guest went to sleep instead");
  }
}

TEST_CASE("save: a refusal is remembered for the run, and the guest is asked to shut down before its plug is pulled") {
  auto world = with(running({{"stop_actions", {"save", "poweroff"}}}));
  world.domain("a").save_refusal = "State blocked by non-migratable device '0000:00:04.0/nvme'";
  world.domain("a").shutdown_takes = 10s;
  CHECK(planned(world, "a").decision == "save");
  SUBCASE("the ladder learns it") {
    world.end_session(107);
    world.pass(15);
    CHECK(world.stops().front() == "save a");
    CHECK(world.stops().at(1) == "button a");
    CHECK(world.domain("a").snapshot.shutoff_reason == ShutoffReason::shutdown);
    CHECK(says(world.view("a").last_error, "failed to save: State blocked"));
  }
  SUBCASE("somebody learns it, and the plan knows it, also the next instance's") {
    CHECK(world.answer(world.request(RequestKind::save, "a")) == "");
    world.deliver();
    for (int instance = 0; instance < 2; ++instance) {
      CHECK(planned(world, "a").decision == "shutdown");
      CHECK(says(planned(world, "a").reason, "not save: libvirt refused it: State blocked by non-migratable device"));
      CHECK(says(world.view("a").last_error, "failed to save"));
      world.restart_supervisor();
      world.connect();
    }
    world.foreign_destroy("a");
    world.foreign_start("a");
    CHECK_MESSAGE(planned(world, "a").decision == "save", "the next run may be another");
  }
  SUBCASE("a guest that ignores it as well is powered off") {
    world.domain("a").ignores_shutdown = true;
    world.end_session(107);
    world.pass(107);
    CHECK(world.stops().front() == "save a");
    CHECK(world.stops().back() == "power off a");
    CHECK(world.terminated().empty());
  }
}

TEST_CASE("save: any failure of it leads to a shutdown first, what cannot be saved at all to none of it") {
  auto world = with(running({{"stop_actions", {"save", "poweroff"}}}));
  SUBCASE("no space: the plan still says save afterwards") {
    world.domain("a").save_failure = "no space";
    world.end_session(100);
    world.pass(5);
    CHECK(world.stops() == Strings{"save a", "button a"});
  }
  SUBCASE("its XML tells") {
    world.domain("a").snapshot.save_blocker = "it shares the folder \"x\" with the host (9p)";
    world.refresh("a");
    CHECK(planned(world, "a").decision == "shutdown");
    world.end_session(100);
    world.pass(5);
    CHECK(world.stops() == Strings{"button a"});
  }
  SUBCASE("it was asked before the save") {
    world.set_policy("a", {{"stop_actions", {"shutdown", "save", "poweroff"}}, {"stop_timeout_sec", 4}});
    world.domain("a").ignores_shutdown = true;
    world.domain("a").save_failure = "no space";
    world.end_session(100);
    world.pass(100);
    CHECK(std::ranges::find(world.stops(), "save a") == world.stops().end() - 2);
    CHECK(world.stops().back() == "power off a");
  }
}

TEST_CASE("shutdown cut short by a save: the guest ends it at the next login, and is started again once") {
  World world;
  const json policy = {{"stop_timeout_sec", 5}, {"start", "was-running"}};
  world.define("a", running(policy));
  world.domain("a").shutdown_takes = 25s;
  world.connect();
  world.end_session(300);
  world.pass(20);
  REQUIRE(world.domain("a").snapshot.managed_save);
  const auto kept = world.supervisor().kept_state();
  CHECK(kept.lasting["up"] == json{world.uuid("a")});
  world.start_supervisor({json::object(), json::parse(kept.lasting.dump())});
  world.connect();
  world.pass(1);
  REQUIRE(world.running("a"));

  SUBCASE("it does: once") {
    world.pass(20);
    world.foreign_shutdown("a");
    world.pass(5);
    CHECK(world.running("a"));
    CHECK(world.started() == Strings{"a", "a"});
    const auto history = world.history("a");
    const auto why = std::ranges::find(history, Phase::queued, &HistoryEntry::phase);
    CHECK(std::ranges::any_of(history, [](const auto& entry) {
      return says(entry.reason, "it only ended the shutdown in the middle of which it had been saved");
    }));
    CHECK(why != history.end());
    CHECK(world.supervisor().kept_state().lasting["up"] == json{world.uuid("a")});
    world.foreign_shutdown("a");
    world.pass(100);
    CHECK_FALSE(world.running("a"));
    CHECK(world.intent("a") == "down");
  }
  SUBCASE("also when virtsessiond was away") {
    world.restart_supervisor();
    world.foreign_shutdown("a");
    world.connect();
    world.pass(5);
    CHECK(world.running("a"));
  }
  SUBCASE("somebody asks for the end: it stays off") {
    world.request(RequestKind::shutdown, "a");
    world.pass(1);
    world.foreign_shutdown("a");
    world.pass(100);
    CHECK_FALSE(world.running("a"));
  }
  SUBCASE("somebody pulls its plug: it stays off") {
    world.foreign_destroy("a");
    world.pass(100);
    CHECK_FALSE(world.running("a"));
  }
  SUBCASE("much later it is another shutdown") {
    world.pass(1000);
    world.foreign_shutdown("a");
    world.pass(100);
    CHECK_FALSE(world.running("a"));
  }
  SUBCASE("its policy does not start it") {
    world.set_policy("a", {{"start", "flag"}});
    world.foreign_shutdown("a");
    world.pass(100);
    CHECK_FALSE(world.running("a"));
  }
  SUBCASE("the session ends meanwhile: it is up at the next login") {
    world.end_session(300);
    world.pass(30);
    CHECK(world.supervisor().kept_state().lasting["up"] == json{world.uuid("a")});
  }
}

TEST_CASE("shutdown that came to nothing: a later save is not in the middle of it") {
  auto world = with(running({{"stop_actions", {"shutdown"}}, {"stop_timeout_sec", 5}, {"start", "was-running"}}));
  world.domain("a").ignores_shutdown = true;
  world.request_stop_all();
  world.pass(10);
  world.request(RequestKind::save, "a");
  world.deliver();
  CHECK_FALSE(world.supervisor().kept_state().lasting.contains("vms"));
}

TEST_CASE("button: a guest in its first minute is asked each 2 s") {
  auto world = with({});
  world.domain("a").ignores_button = true;
  world.domain("a").boot_takes = 3s;
  world.foreign_start("a");
  SUBCASE("at the end of the session") {
    world.end_session(1000);
    world.pass(9);
    CHECK(world.stops().size() == 5);
  }
  SUBCASE("by a request") {
    world.request(RequestKind::shutdown, "a");
    world.pass(9);
    CHECK(world.stops().size() == 4);  // and the one of the request itself
  }
  SUBCASE("after it has booted anew as well") {
    world.pass(100);
    world.event("a", DomainEventKind::rebooted);
    world.request(RequestKind::shutdown, "a");
    world.pass(9);
    CHECK(world.stops().size() == 4);
  }
  SUBCASE("later it is left in peace") {
    world.pass(100);
    world.request(RequestKind::shutdown, "a");
    world.pass(19);
    CHECK(world.stops().size() == 1);
  }
}

TEST_CASE("stop all: an instance that is killed meanwhile leaves it to the next one") {
  World world;
  define_chain(world, 5s);
  world.define("other");
  world.connect();
  world.request_stop_all();
  world.pass(6);
  CHECK_FALSE(world.running("web"));
  world.restart_supervisor();
  CHECK_FALSE(Supervisor::is_in_stop(world.supervisor().kept_state()));
  world.foreign_start("other");
  world.connect();
  CHECK(world.stop_state() == "running");
  CHECK(world.answer(world.request(RequestKind::start, "web")) == "ShuttingDown");
  world.pass(30);
  CHECK(world.stop_state() == "idle");
  CHECK_FALSE(world.running("app"));
  CHECK_FALSE(world.running("db"));
  CHECK_MESSAGE(world.running("other"), "it is another client's, since");
  CHECK(world.history("db").back().cause == "tester");
  CHECK(world.intent("db") == "down");
  CHECK_FALSE(world.supervisor().kept_state().login.contains("stop"));
}
