// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

// What other libvirt clients do: virsh, virt-manager.

TEST_CASE("foreign: a start is shown with its time, and is what the user wants") {
  auto world = with({});
  world.foreign_start("a");
  CHECK(world.phase("a") == "running");
  CHECK(world.intent("a") == "up");
  CHECK(world.view("a").started_usec == world.now().wall_usec);
  CHECK(world.history("a").back().cause == "another libvirt client");
  CHECK(world.journal("a", Incident::started) == Strings{"started (another libvirt client)"});
}

TEST_CASE("foreign: every kind of stop is told apart, and none is undone") {
  struct Row {
    void (World::*stop)(const std::string&);
    std::string reason;
    std::string cause;
  };
  const Row rows[] = {{&World::foreign_shutdown, "shut down", "the guest"},
                      {&World::foreign_destroy, "powered off", "another libvirt client"},
                      {&World::foreign_save, "saved", "another libvirt client"}};
  for (const auto& row : rows) {
    CAPTURE(row.reason);
    auto world = with({.autostart = true, .policy = {{"restart", "always"}}});
    world.deliver();
    (world.*row.stop)("a");
    CHECK(world.phase("a") == "inactive");
    CHECK(world.reason("a") == row.reason);
    CHECK(world.intent("a") == "down");
    CHECK(world.history("a").back().cause == row.cause);
    CHECK(world.view("a").started_usec == 0);
    world.pass(10000);
    CHECK(world.started().size() == 1);
  }
}

TEST_CASE("foreign: a VM that is defined is there, one that is undefined is gone") {
  auto world = with({});
  world.define("b");
  CHECK(world.exists("b"));
  CHECK(world.phase("b") == "inactive");
  world.undefine("b");
  CHECK_FALSE(world.exists("b"));
}

TEST_CASE("foreign: a VM that is undefined while it runs stays until it stops") {
  auto world = with({.running = true});
  world.undefine("a");
  CHECK(world.phase("a") == "running");
  CHECK_FALSE(world.view("a").persistent);
  world.kill_qemu("a");
  CHECK(world.supervisor().uuids().empty());
}

TEST_CASE("foreign: a VM that is undefined while it waits for its start is forgotten") {
  auto world = with({.autostart = true, .policy = {{"start_if_ac_power", true}}});
  world.undefine("a");
  world.facts({.on_ac_power = true});
  CHECK(world.pending().empty());
  CHECK(world.autostart_state() == "done");
}

TEST_CASE("foreign: a renamed VM is the same one, also for who starts after it by uuid") {
  World world;
  world.define("db", {.autostart = true, .policy = {{"start_if_ac_power", true}}});
  world.define("app", {.autostart = true, .policy = {{"start_after", {world.uuid("db")}}}});
  world.define("web", {.autostart = true, .policy = {{"start_after", {"db"}}}});
  world.connect();
  const auto uuid = world.uuid("db");
  world.rename("db", "postgres");
  CHECK(world.uuid("postgres") == uuid);
  CHECK(world.phase("postgres") == "waiting");
  CHECK(world.reason("app") == "waits for \"postgres\" to be ready");
  CHECK(world.view("web").policy_problems.size() == 1);
  CHECK(world.pending() == Strings{"start web"});
  CHECK(world.supervisor().find_vm("postgres").value() == uuid);
  CHECK_FALSE(world.supervisor().find_vm("db"));
}

TEST_CASE("foreign: a VM is found by name before uuid, and by uuid in capitals") {
  World world;
  world.define("a");
  world.define(world.uuid("a"));
  world.connect();
  CHECK(world.supervisor().find_vm(world.uuid("a")).value() != world.uuid("a"));
  world.define("b");
  auto capitals = world.uuid("b");
  for (auto& c : capitals) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
  CHECK(world.supervisor().find_vm(capitals).value() == world.uuid("b"));
}

TEST_CASE("foreign: a VM that is defined and started at once was started by somebody, just now") {
  World world;
  world.connect();
  world.define("a", {.policy = {{"start_ready", "agent"}}, .running = true});
  CHECK(world.phase("a") == "waiting-ready");
  CHECK(world.view("a").started_usec == world.now().wall_usec);
  CHECK(world.journal("a", Incident::started).size() == 1);
}

TEST_CASE("foreign: a guest that was kept after its crash is not running") {
  auto world = with({.running = true});
  world.domain("a").snapshot.state = DomainState::crashed;
  world.domain("a").snapshot.state_reason = "panicked";
  world.refresh("a");
  CHECK(world.phase("a") == "stuck");
  CHECK(world.reason("a") == "the guest crashed and is kept as it was (panicked)");
}

TEST_CASE("foreign: a start while a VM waits for its turn takes it out of the queue") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_if_ac_power", true}}});
  world.connect();
  world.foreign_start("a");
  CHECK(world.phase("a") == "running");
  CHECK(world.autostart_state() == "done");
  world.foreign_destroy("a");
  world.facts({.on_ac_power = true});
  CHECK(world.pending().empty());
}

TEST_CASE("foreign: a start by hand gives a VM its restarts back") {
  auto world = with({
      .running = true,
  });
  world.set_policy("a", {{"restart", "on-failure"}, {"restart_limit", 1}, {"restart_window_sec", 86400}});
  world.kill_qemu("a");
  world.pass(5);
  CHECK(world.view("a").restart_count == 1);
  world.kill_qemu("a");
  CHECK(world.phase("a") == "gave-up");
  world.foreign_start("a");
  CHECK(world.view("a").restart_count == 0);
  CHECK_FALSE(world.has_notice("a", Incident::gave_up));
  world.kill_qemu("a");
  CHECK(world.phase("a") == "backoff");
}

TEST_CASE("foreign: while libvirt is away VMs are unknown, and afterwards what happened is seen") {
  World world;
  for (const std::string name : {"stays", "stopped", "removed"}) world.define(name, {.running = true});
  world.define("off");
  world.define("started");
  world.connect();
  world.lose_libvirt();
  CHECK(world.phase("stays") == "unknown");
  CHECK(world.reason("stays") == "no connection to libvirt");
  CHECK(world.supervisor().counts() == std::map<std::string, std::uint32_t>{{"total", 5}, {"unknown", 5}});
  world.foreign_destroy("stopped");
  world.foreign_destroy("removed");
  world.undefine("removed");
  world.foreign_start("started");
  world.define("new");
  world.connect();
  CHECK(world.phase("stays") == "running");
  CHECK(world.phase("stopped") == "inactive");
  CHECK(world.intent("stopped") == "down");
  CHECK_FALSE(world.exists("removed"));
  CHECK(world.phase("started") == "running");
  CHECK(world.intent("started") == "up");
  CHECK(world.phase("new") == "inactive");
  CHECK(world.supervisor().counts() ==
        std::map<std::string, std::uint32_t>{{"total", 5}, {"running", 2}, {"inactive", 3}});
  CHECK(world.history("stays").size() == 1);
}

TEST_CASE("foreign: a start at login that libvirt did not live to answer is seen as that") {
  World world;
  world.define("a", {.autostart = true});
  world.connect();
  SUBCASE("it was executed") {
    world.lose_libvirt(true);
    world.connect();
    CHECK(world.phase("a") == "running");
    CHECK(world.history("a").back().cause == "login");
    CHECK(world.pending().empty());
  }
  SUBCASE("it was not") {
    world.lose_libvirt(false);
    world.connect();
    CHECK(world.pending() == Strings{"start a"});
  }
  CHECK(world.started().front() == "a");
}

TEST_CASE("foreign: calls that end because libvirt goes are no failed starts") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_retries", 0}}});
  world.connect();
  world.supervisor().on_operation_done(1, Error{ErrorCode::libvirt_unavailable, "end of file"}, world.now());
  world.lose_libvirt();
  world.connect();
  world.pass(10);
  CHECK(world.phase("a") == "running");
  CHECK_FALSE(world.has_notice("a", Incident::gave_up));
}

TEST_CASE("foreign: answers of a connection that is gone change nothing") {
  World world;
  world.define("a", {.autostart = true});
  world.connect();
  world.lose_libvirt();
  world.connect();
  world.supervisor().on_operation_done(1, Error{ErrorCode::operation_failed, "old"}, world.now());
  CHECK(world.phase("a") == "starting");
  world.deliver();
  CHECK(world.phase("a") == "running");
  CHECK(world.view("a").last_error == "");
}

TEST_CASE("foreign: what a new libvirt daemon would do harm to is named, while it runs") {
  World world;
  world.define("web", {.running = true});
  world.define("guestfs-x", {.persistent = false, .running = true});
  world.connect();
  const auto loss = world.supervisor().loss_by_libvirt_restart();
  CHECK(loss.starts_with("\"guestfs-x\" is transient and may end with the connection to libvirt"));
  CHECK(loss.find("web") == std::string::npos);
  world.lose_libvirt();  // the one that hangs is replaced then
  CHECK(world.supervisor().loss_by_libvirt_restart() == loss);
  world.connect();
  world.foreign_destroy("guestfs-x");
  CHECK(world.supervisor().loss_by_libvirt_restart().empty());
}

TEST_CASE("foreign: a pause of a run that is over says nothing of the next one") {
  World world;
  world.define("a");
  world.connect();
  world.foreign_start("a");
  const auto run = [&](int id) {
    DomainRunState state;
    state.id = id;
    state.state = DomainState::paused;
    return state;
  };
  auto& supervisor = world.supervisor();
  supervisor.on_run_state(world.uuid("a"), run(4711), world.now());
  supervisor.on_run_state(world.uuid("a"), run(-1), world.now());
  supervisor.on_run_state("gone", run(1), world.now());
  CHECK(world.phase("a") == "running");
  CHECK(world.view("a").state == DomainState::running);
}

TEST_CASE("foreign: an event's pause is shown at once, and judged when libvirt has told why") {
  World world;
  world.define("a");
  world.connect();
  world.foreign_start("a");
  const auto before = world.history("a").size();
  world.event("a", DomainEventKind::paused);
  CHECK(world.view("a").state == DomainState::paused);
  CHECK(world.view("a").state_reason == "user");
  CHECK(world.history("a").size() == before);
  world.foreign_save_begins("a");  // that was why
  CHECK(world.view("a").state_reason == "saving");
  CHECK(world.history("a").size() == before);
  world.event("a", DomainEventKind::resumed);
  CHECK(world.view("a").state == DomainState::running);
  CHECK(world.view("a").state_reason == "unpaused");
}

TEST_CASE("foreign: an event's pause of a run that is over is not shown") {
  World world;
  world.define("a");
  world.connect();
  world.foreign_start("a");
  world.supervisor().on_domain_event({world.uuid("a"), DomainEventKind::paused, "a", 4711}, world.now());
  CHECK(world.view("a").state == DomainState::running);
  world.foreign_destroy("a");
  world.event("a", DomainEventKind::paused);
  CHECK(world.view("a").state == DomainState::shut_off);
}

TEST_CASE("foreign: the event of a pause of ours that comes after a resume's answer shows nothing") {
  World world;
  world.define("a");
  world.connect();
  world.foreign_start("a");
  for (const auto kind : {RequestKind::pause, RequestKind::resume}) {
    const auto id = world.request(kind, "a");
    world.deliver();
    CHECK(world.answer(id) == "ok");
  }
  CHECK(world.view("a").state == DomainState::running);
  world.event("a", DomainEventKind::paused);
  CHECK(world.view("a").state == DomainState::running);
  world.event("a", DomainEventKind::resumed);
  world.pass(5);
  world.event("a", DomainEventKind::paused);  // somebody else's
  CHECK(world.view("a").state == DomainState::paused);
}

TEST_CASE("foreign: a pause that an event told of is taken back by libvirt's answer, also when that is as before") {
  World world;
  world.define("a");
  world.connect();
  world.foreign_start("a");
  auto& supervisor = world.supervisor();
  world.event("a", DomainEventKind::paused);
  supervisor.on_run_state(world.uuid("a"), world.domain("a").snapshot, world.now());
  CHECK(supervisor.take_changed().contains(world.uuid("a")));
  CHECK(world.view("a").state == DomainState::running);
}
