// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// How one VM is stopped when all are: its actions, one after the other.

namespace {

const json kSaveOnly = {{"stop_actions", {"save"}}};

}  // namespace

TEST_CASE("stop: a guest that obeys is off, and the session is over") {
  auto world = with(running());
  world.end_session(100);
  CHECK(world.phase("a") == "stopping");
  CHECK(world.reason("a") == "the guest is asked to shut down by its power button because of the end of the session");
  CHECK_FALSE(world.supervisor().session_over());
  world.deliver();
  CHECK(world.phase("a") == "inactive");
  CHECK(world.history("a").back().cause == "the end of the session");
  CHECK(world.supervisor().session_over());
  CHECK(world.stop_state() == "idle");
  CHECK(world.stops() == Strings{"button a"});
  CHECK(world.journal("", Incident::stopping) ==
        Strings{"Stopping 1 VM because of the end of the session, within 100 s"});
  CHECK(world.journal("", Incident::stopped) ==
        Strings{"Stopping VMs because of the end of the session has ended: 1 shut down"});
  CHECK_FALSE(world.supervisor().wake());
}

TEST_CASE("stop: a guest that does not obey is asked again, then saved, then powered off") {
  auto world = with(running());
  world.domain("a").ignores_shutdown = true;
  world.end_session(300);
  world.pass(59);
  CHECK(world.stops().size() == 6);
  CHECK(world.stops().back() == "button a");
  world.forget_stops();

  SUBCASE("saved") {
    world.pass(10);
    CHECK(world.stops() == Strings{"save a"});
    CHECK(world.domain("a").snapshot.managed_save);
    CHECK(world.journal("", Incident::stopped).back().ends_with("1 saved"));
    CHECK(world.journal("a", Incident::forced).empty());
  }
  SUBCASE("its save fails") {
    world.domain("a").save_failure = "no space";
    world.pass(10);
    CHECK(world.stops() == Strings{"save a", "power off a"});
    CHECK(world.journal("a", Incident::forced) ==
          Strings{"is powered off because of the end of the session; shutdown: not in time; save: no space"});
    CHECK(world.phase("a") == "inactive");
  }
  SUBCASE("its save takes too long, and is aborted") {
    world.domain("a").save_takes = 100s;
    world.pass(59);
    CHECK(world.stops() == Strings{"save a"});
    CHECK(world.phase("a") == "saving");
    world.pass(3);
    CHECK(world.stops() == Strings{"save a", "power off a"});
    CHECK(world.journal("a", Incident::forced).at(0).ends_with("; shutdown: not in time; save: not in time"));
  }
  SUBCASE("its save takes too long, and cannot be aborted: nothing else is possible until it ends") {
    world.domain("a").save_takes = 100s;
    world.domain("a").cannot_abort = true;
    world.pass(90);
    CHECK(world.stops() == Strings{"save a"});
    CHECK(world.reason("a") == "waits until libvirt has ended its work on it (to save it)");
    world.pass(20);
    CHECK(world.domain("a").snapshot.managed_save);
    CHECK(world.supervisor().session_over());
  }
  SUBCASE("nothing helps: QEMU is ended before the deadline") {
    world.domain("a").save_failure = "no space";
    world.domain("a").power_off_failure = "QEMU does not end";
    world.pass(10);
    CHECK(world.stops() == Strings{"save a", "power off a"});
    CHECK(world.phase("a") == "running");
    CHECK(world.reason("a") ==
          "could not be stopped; shutdown: not in time; save: no space; poweroff: QEMU does not end");
    CHECK(world.supervisor().session_over());
  }
}

TEST_CASE("stop: the button is pressed at most every 10 s, and at least every quarter of the time") {
  auto world = with(running({{"stop_timeout_sec", 12}}));
  world.domain("a").ignores_shutdown = true;
  world.end_session(1000);
  world.pass(11.9);
  const auto presses = world.stops().size();
  CHECK(presses == 4);
}

TEST_CASE("stop: a guest that boots when it is asked hears it later") {
  auto world = with(running());
  world.domain("a").booted = world.now().steady + 25s;
  world.end_session(300);
  world.pass(35);
  CHECK(world.supervisor().session_over());
  CHECK(world.journal("", Incident::stopped).back().ends_with("1 shut down"));
}

TEST_CASE("stop: the agent is asked first, the power button after it") {
  auto world = with(running());
  world.connect_agent("a");

  SUBCASE("the agent obeys") {
    world.end_session(300);
    CHECK(world.reason("a").starts_with("the guest is asked to shut down by its agent because"));
    world.pass(1);
    CHECK(world.stops() == Strings{"agent a"});
    CHECK(world.supervisor().session_over());
  }
  SUBCASE("the agent fails: the button at once") {
    world.domain("a").agent_failure = "guest agent is not responding";
    world.end_session(300);
    world.pass(1);
    CHECK(world.stops() == Strings{"agent a", "button a"});
    CHECK(world.supervisor().session_over());
  }
  SUBCASE("the agent says yes and nothing happens") {
    world.domain("a").ignores_agent = true;
    world.end_session(300);
    world.pass(11);
    CHECK(world.stops() == Strings{"agent a", "button a"});
    CHECK(world.supervisor().session_over());
  }
  SUBCASE("libvirt waits for the agent: the button is pressed meanwhile, and libvirt is not taken for dead") {
    world.domain("a").agent_takes = 65s;
    world.domain("a").ignores_agent = true;
    world.domain("a").ignores_button = true;
    world.end_session(300);
    world.pass(25);
    CHECK(world.stops() == Strings{"agent a", "button a", "button a"});
    CHECK(world.replacements().empty());
    world.pass(36);
    CHECK_MESSAGE(world.stops().back() == "save a", "the next action does not wait for the agent either");
    CHECK(world.supervisor().session_over());
  }
  SUBCASE("a guest that its agent asked has no button: it keeps its time") {
    world.domain("a").shutdown_takes = 40s;
    world.domain("a").button_failure = "no ACPI";
    world.end_session(300);
    world.pass(41);
    CHECK(world.journal("", Incident::stopped).back().ends_with("1 shut down"));
  }
  SUBCASE("neither can be asked: the next action at once") {
    world.domain("a").agent_failure = "guest agent is not responding";
    world.domain("a").button_failure = "no ACPI";
    world.end_session(300);
    world.pass(1);
    CHECK(world.stops() == Strings{"agent a", "button a", "save a"});
  }
}

TEST_CASE("stop: an agent that comes up later is asked then") {
  auto world = with(running());
  world.domain("a").ignores_button = true;
  world.end_session(300);
  world.pass(5);
  world.connect_agent("a");
  world.pass(10);
  CHECK(world.stops() == Strings{"button a", "agent a"});
  CHECK(world.supervisor().session_over());
}

TEST_CASE("stop: a guest that boots again instead is not asked again") {
  auto world = with(running());
  world.domain("a").reboots_instead = true;
  world.end_session(300);
  world.pass(1);
  CHECK(world.stops() == Strings{"button a", "save a"});
}

TEST_CASE("stop: what cannot work is left out, and said") {
  struct Row {
    std::string what;
    std::function<void(DomainSnapshot&)> change;
    Strings stops;
    const char* why;
  };
  const Row rows[] = {
      {"on_poweroff is restart",
       [](auto& vm) { vm.restarts_on_poweroff = true; },
       {"save a"},
       "; not shutdown: it would start again"},
      {"it cannot be saved",
       [](auto& vm) { vm.save_blocker = "it has a host device"; },
       {"button a", "power off a"},
       "; not save: it has a host device; shutdown: no ACPI"},
      {"crashed and kept",
       [](auto& vm) { vm.state = DomainState::crashed; },
       {"save a"},
       "; not shutdown: the guest does not run (crashed)"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    auto world = with(running());
    row.change(world.domain("a").snapshot);
    world.refresh("a");
    world.domain("a").button_failure = "no ACPI";
    world.end_session(300);
    auto told = world.reason("a");
    world.deliver("a");
    told += world.reason("a");
    CHECK(told.find(row.why) != std::string::npos);
    world.pass(1);
    CHECK(world.stops() == row.stops);
    CHECK(world.supervisor().session_over());
  }
}

TEST_CASE("stop: what is possible is decided when its turn comes") {
  World world;
  world.define("app", running({{"start_after", {"db"}}}));
  world.define("db", {.running = true});
  world.domain("app").shutdown_takes = 9s;
  world.domain("db").snapshot.state = DomainState::pm_suspended;
  world.connect();
  world.end_session(300);
  world.pass(5);
  world.domain("db").snapshot.state = DomainState::running;
  world.refresh("db");
  world.pass(6);
  CHECK(world.stops() == Strings{"button app", "button db"});
}

TEST_CASE("stop: a VM without a possible action is left running, with the reason") {
  auto world = with(running(kSaveOnly));
  world.domain("a").snapshot.save_blocker = "it has a host device";
  world.refresh("a");
  const auto id = world.request_stop_all();
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.phase("a") == "running");
  CHECK(world.reason("a") == "could not be stopped; not save: it has a host device");
}

TEST_CASE("stop: a paused guest goes on to hear that it is asked") {
  auto world = with(running());
  world.domain("a").snapshot.state = DomainState::paused;
  world.refresh("a");
  world.end_session(300);
  CHECK(world.pending() == Strings{"resume a"});
  world.deliver();
  CHECK(world.stops() == Strings{"button a"});
  CHECK(world.supervisor().session_over());

  SUBCASE("one that cannot go on is saved") {
    auto other = with(running());
    other.domain("a").snapshot.state = DomainState::paused;
    other.domain("a").resume_failure = "no space";
    other.refresh("a");
    other.end_session(300);
    other.deliver();
    CHECK(other.stops() == Strings{"save a"});
  }
}

TEST_CASE("stop: a save tells how far it is, and keeps saying why") {
  auto world = with({.policy = {{"stop_actions", {"shutdown", "save"}}}, .running = true, .memory_mib = 1000});
  world.domain("a").button_failure = "no (such) button";
  world.domain("a").save_takes = 10s;
  world.end_session(300);
  world.pass(5.5);
  CHECK(world.phase("a") == "saving");
  CHECK(world.view("a").progress == 50);
  CHECK(world.reason("a") == "is being saved (50 %) because of the end of the session; shutdown: no (such) button");
  CHECK(world.history("a").back().reason.find('%') == std::string::npos);
  world.pass(5);
  CHECK(world.supervisor().session_over());
  CHECK_FALSE(world.view("a").progress);
}

TEST_CASE("stop: a save that is the last action has all the time there is") {
  auto world = with(running({{"stop_actions", {"save"}}, {"stop_timeout_sec", 1}}));
  world.domain("a").save_takes = 99s;
  world.end_session(100);
  world.pass(99.5);
  CHECK(world.terminated().empty());
  CHECK(world.domain("a").snapshot.managed_save);

  SUBCASE("and not more: it is not broken off, but not waited for") {
    auto other = with(running(kSaveOnly));
    other.domain("a").save_takes = 101s;
    other.end_session(100);
    other.pass(100);
    CHECK(other.supervisor().session_over());
    CHECK(other.terminated().empty());
    CHECK(other.journal("", Incident::stopped).back().ends_with(": 1 not stopped in time"));
  }
}

TEST_CASE("stop: a VM that is left is left, and holds nobody") {
  World world;
  world.define("app", running({{"start_after", {"db"}}, {"stop_actions", {"leave"}}}));
  world.define("db", {.running = true});
  world.connect();
  const auto id = world.request_stop_all();
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.running("app"));
  CHECK(world.phase("app") == "running");
  CHECK(world.phase("db") == "inactive");
  world.kill_qemu("app");
  CHECK(world.reason("app") == "QEMU crashed; its policy does not restart it");
}

TEST_CASE("stop: a guest that crashes meanwhile stays off") {
  for (const bool asked : {false, true}) {
    CAPTURE(asked);
    World world;
    world.define("a", running({{"restart", "always"}, {"start_after", json::array({"b"})}}));
    world.define("b", running({{"restart", "always"}}));
    world.domain("a").ignores_shutdown = true;
    world.domain("b").ignores_shutdown = true;
    world.connect();
    const auto id = world.request_stop_all();
    world.deliver();
    world.kill_qemu(asked ? "a" : "b");
    CHECK(world.phase(asked ? "a" : "b") == "inactive");
    world.pass(300);
    CHECK(world.answer(id) == "ok");
    world.pass(1000);
    CHECK(world.started().empty());
    CHECK(world.pending().empty());
  }
}

TEST_CASE("stop: a VM that has just become transient is stopped with the session, and is nobody's business before it") {
  for (const bool session : {false, true}) {
    CAPTURE(session);
    World world;
    world.define("a", running({{"stop_timeout_sec", 5}}));
    world.domain("a").ignores_shutdown = true;
    world.connect();
    if (session)
      world.end_session(100);
    else
      world.request_stop_all();
    world.pass(0.5);
    world.undefine("a");
    world.pass(100);
    CHECK(world.exists("a") != session);
    CHECK(world.stops().back() == (session ? "power off a" : "button a"));
    CHECK(world.stop_state() == "idle");
  }
}
