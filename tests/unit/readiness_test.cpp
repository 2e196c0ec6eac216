// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

namespace {

/// "db" with this readiness, "app" that starts after it, and "later" of a later order.
World chain(const nlohmann::json& db_policy, bool agent_channel = true) {
  World world;
  auto policy = db_policy;
  policy["start_order"] = 1;
  world.define("db", {.autostart = true, .policy = policy, .agent_channel = agent_channel});
  world.define("app", {.autostart = true, .policy = {{"start_order", 1}, {"start_after", {"db"}}}});
  world.define("later", {.autostart = true, .policy = {{"start_order", 2}}});
  world.connect();
  world.deliver();
  return world;
}

}  // namespace

TEST_CASE("readiness: started: others go on when it runs") {
  auto world = chain({{"start_ready", "started"}});
  CHECK(world.started() == Strings{"db", "app", "later"});
}

TEST_CASE("readiness: by its guest agent") {
  auto world = chain({{"start_ready", "agent"}});
  CHECK(world.phase("db") == "waiting-ready");
  CHECK(world.reason("db") == "waits to be ready: agent");
  CHECK(world.phase("app") == "waiting");
  CHECK(world.reason("later") == "waits for VMs of order 1");
  CHECK(world.autostart_state() == "running");
  world.pass(60);
  CHECK(world.started() == Strings{"db"});
  world.connect_agent("db");
  CHECK(world.phase("db") == "running");
  CHECK(world.reason("db") == "ready: agent");
  world.deliver();
  CHECK(world.started() == Strings{"db", "app", "later"});
  CHECK(world.reason("app") == "started");
}

TEST_CASE("readiness: the agent is seen in the domain's state too") {
  auto world = chain({{"start_ready", "agent"}});
  world.domain("db").snapshot.agent_connected = true;
  world.refresh("db");
  CHECK(world.phase("db") == "running");
}

TEST_CASE("readiness: an agent that does not come in time releases the others, with the reason") {
  auto world = chain({{"start_ready", "agent"}, {"start_ready_timeout_sec", 30}});
  world.pass(29.9);
  CHECK(world.started() == Strings{"db"});
  world.pass(0.2);
  CHECK(world.phase("db") == "running");
  CHECK(world.reason("db") == "started; VMs that start after it go on");
  CHECK(world.view("db").last_error == "not ready by agent within 30.0 s");
  CHECK(world.view("db").last_error == "not ready by agent within 30.0 s");
  CHECK(world.journal("db", Incident::not_ready).size() == 1);
  world.deliver();
  CHECK(world.started() == Strings{"db", "app", "later"});
  CHECK(world.reason("app") == "started; without \"db\" (not ready)");
  CHECK(world.autostart_state() == "done");
  CHECK_FALSE(world.supervisor().wake());
}

TEST_CASE("readiness: a VM without a channel for an agent is not waited for, and says so") {
  auto world = chain({{"start_ready", "agent"}}, false);
  CHECK(world.phase("db") == "running");
  CHECK(world.reason("db") == "started; VMs that start after it go on");
  CHECK(world.view("db").last_error == "it has no channel for a guest agent");
  CHECK(world.view("db").last_error == "it has no channel for a guest agent");
  CHECK(world.reason("app") == "started; without \"db\" (not ready)");
}

TEST_CASE("readiness: by a delay, which has no timeout") {
  auto world = chain({{"start_ready", "delay"}, {"start_ready_delay_sec", 50}, {"start_ready_timeout_sec", 5}});
  world.pass(49.9);
  CHECK(world.phase("db") == "waiting-ready");
  world.pass(0.2);
  CHECK(world.reason("db") == "ready: delay");
  CHECK(world.view("db").last_error == "");
  CHECK(world.started() == Strings{"db", "app", "later"});
}

TEST_CASE("readiness: by a TCP service, probed only while it is waited for") {
  auto world = chain({{"start_ready", "tcp:localhost:5432"}});
  const std::map<std::string, TcpProbe> probes = {{world.uuid("db"), {"localhost", 5432}}};
  CHECK(world.supervisor().probes() == probes);
  world.answer_tcp("db");
  CHECK(world.phase("db") == "running");
  CHECK(world.supervisor().probes().empty());
  world.deliver();
  CHECK(world.started() == Strings{"db", "app", "later"});
}

TEST_CASE("readiness: a TCP service that does not answer in time") {
  auto world = chain({{"start_ready", "tcp:localhost:5432"}, {"start_ready_timeout_sec", 0.5}});
  world.pass(1);
  CHECK(world.reason("db") == "started; VMs that start after it go on");
  CHECK(world.view("db").last_error == "not ready by tcp:localhost:5432 within 0.5 s");
  CHECK(world.supervisor().probes().empty());
}

TEST_CASE("readiness: nothing is probed while libvirt is away, and the wait goes on after") {
  auto world = chain({{"start_ready", "tcp:localhost:5432"}});
  world.lose_libvirt();
  CHECK(world.supervisor().probes().empty());
  CHECK_FALSE(world.supervisor().wake());
  world.connect();
  CHECK(world.phase("db") == "waiting-ready");
  CHECK(world.supervisor().probes().size() == 1);
  world.answer_tcp("db");
  CHECK(world.phase("db") == "running");
}

TEST_CASE("readiness: another policy counts at once for a VM that waits") {
  auto world = chain({{"start_ready", "agent"}});
  SUBCASE("started") {
    world.set_policy("db", {{"start_order", 1}, {"start_ready", "started"}});
    CHECK(world.phase("db") == "running");
  }
  SUBCASE("a service") {
    world.set_policy("db", {{"start_order", 1}, {"start_ready", "tcp:a:1"}});
    CHECK(world.reason("db") == "waits to be ready: tcp:a:1");
    CHECK(world.supervisor().probes().at(world.uuid("db")) == TcpProbe{"a", 1});
  }
  SUBCASE("a shorter timeout") {
    world.set_policy("db", {{"start_order", 1}, {"start_ready", "agent"}, {"start_ready_timeout_sec", 1}});
    world.pass(2);
    CHECK(world.phase("db") == "running");
  }
}

TEST_CASE("readiness: a VM that stops or crashes before it is ready is not waited for any more") {
  auto world = chain({{"start_ready", "agent"}});
  SUBCASE("destroyed") {
    world.foreign_destroy("db");
    CHECK(world.phase("db") == "inactive");
    world.deliver();
    CHECK(world.reason("app") == "started; without \"db\" (inactive)");
  }
  SUBCASE("undefined and stopped") {
    world.undefine("db");
    world.foreign_destroy("db");
    CHECK_FALSE(world.exists("db"));
    world.deliver();
    CHECK(world.reason("app") == "started; without \"db\" (no such VM)");
  }
}

TEST_CASE("readiness: a VM that crashes and comes back is waited for") {
  auto world = chain({{"start_ready", "agent"}, {"restart", "on-failure"}});
  world.kill_qemu("db");
  CHECK(world.phase("db") == "backoff");
  CHECK_MESSAGE(world.phase("app") == "waiting", "what it starts after is about to be started again");
  world.pass(5);
  CHECK(world.phase("db") == "waiting-ready");
  CHECK(world.phase("app") == "waiting");
  world.connect_agent("db");
  world.deliver();
  CHECK(world.reason("app") == "started");
}

TEST_CASE("readiness: a VM that somebody shuts down does not become ready meanwhile") {
  auto world = chain({{"start_ready", "delay"}});
  world.domain("db").ignores_shutdown = true;
  const auto id = world.request(RequestKind::shutdown, "db");
  world.deliver();
  CHECK(world.phase("db") == "stopping");
  world.pass(30);
  CHECK(world.phase("db") == "stopping");
  world.foreign_shutdown("db");
  CHECK(world.answer(id) == "ok");
}

TEST_CASE(
    "readiness: a VM that somebody else starts is shown as it becomes ready, and is no part of the start at login") {
  World world;
  world.define("a", {.policy = {{"start_ready", "agent"}, {"start_order", -5}}});
  world.define("b", {.autostart = true, .policy = {{"start_if_paths", {"/mnt"}}}});
  world.connect();
  world.foreign_start("a");
  CHECK(world.phase("a") == "waiting-ready");
  CHECK(world.autostart_state() == "incomplete");
  world.facts({.paths = {{"/mnt", {.exists = true}}}});
  CHECK_MESSAGE(world.pending() == Strings{"start b"}, "it does not hold up VMs of a later order");
  world.connect_agent("a");
  CHECK(world.phase("a") == "running");
}

TEST_CASE("readiness: who starts after a VM waits for it also when somebody else has started it") {
  World world;
  world.define("db", {.policy = {{"start_ready", "agent"}}});
  world.define("app", {.autostart = true, .policy = {{"start_after", {"db"}}, {"start_if_paths", {"/mnt"}}}});
  world.define("web", {.autostart = true, .policy = {{"start_after", {"db", "app"}}}});
  world.connect();
  world.foreign_start("db");
  world.facts({.paths = {{"/mnt", {.exists = true}}}});
  world.deliver();
  CHECK(world.phase("web") == "waiting");
  world.connect_agent("db");
  world.deliver();
  CHECK(world.phase("web") == "running");
}

TEST_CASE("readiness: a VM that somebody has just asked to start is waited for") {
  World world;
  world.define("db", {.policy = {{"start_ready", "agent"}}});
  world.define("app", {.autostart = true, .policy = {{"start_after", {"db"}}, {"start_if_paths", {"/mnt"}}}});
  world.connect();
  world.request(RequestKind::start, "db");
  world.facts({.paths = {{"/mnt", {.exists = true}}}});
  CHECK(world.pending() == Strings{"start db"});
  world.deliver();
  CHECK(world.phase("app") == "waiting");
  world.connect_agent("db");
  CHECK(world.pending() == Strings{"start app"});
}

TEST_CASE(
    "readiness: what was ready when a VM's turn came, and is not any more, is waited for again, the delay is not") {
  World world;
  world.define("db", {.autostart = true, .policy = {{"start_ready", "agent"}, {"restart", "on-failure"}}});
  world.define("app", {.autostart = true,
                       .policy = {{"start_after", {"db"}}, {"start_delay_sec", 100}, {"start_if_ac_power", true}}});
  world.connect();
  world.deliver();
  world.connect_agent("db");
  world.pass(100);
  CHECK(world.reason("app") == "waits for AC power");
  world.kill_qemu("db");
  CHECK(world.reason("app") == "waits for \"db\" to be ready");
  world.facts({.on_ac_power = true});
  world.pass(5);
  CHECK(world.started() == Strings{"db", "db"});
  world.connect_agent("db");
  CHECK(world.pending() == Strings{"start app"});
}

TEST_CASE("readiness: the next instance goes on waiting for a VM that is not ready") {
  auto world = chain({{"start_ready", "agent"}});
  world.restart_supervisor();
  world.connect();
  CHECK(world.phase("db") == "waiting-ready");
  CHECK(world.phase("app") == "waiting");
  CHECK(world.started() == Strings{"db"});
  world.connect_agent("db");
  world.deliver();
  CHECK(world.started() == Strings{"db", "app", "later"});
}

TEST_CASE("readiness: the next instance waits for a VM whose start it did not see the end of") {
  World world;
  world.define("db", {.autostart = true, .policy = {{"start_ready", "agent"}}});
  world.define("app", {.autostart = true, .policy = {{"start_after", {"db"}}}});
  world.connect();
  world.restart_supervisor(true);
  world.connect();
  CHECK(world.phase("db") == "waiting-ready");
  CHECK(world.phase("app") == "waiting");
  CHECK(world.history("db").back().cause == "login");
}

TEST_CASE("conditions: hold the VM itself and who starts after it, not later orders") {
  World world;
  world.define("disk", {.autostart = true, .policy = {{"start_order", 1}, {"start_if_paths", {"/mnt"}}}});
  world.define("on disk", {.autostart = true, .policy = {{"start_order", 1}, {"start_after", {"disk"}}}});
  world.define("later", {.autostart = true, .policy = {{"start_order", 2}}});
  world.connect();
  world.deliver();
  CHECK(world.started() == Strings{"later"});
  CHECK(world.phase("disk") == "waiting");
  CHECK(world.reason("disk") == "waits for path /mnt");
  CHECK(world.phase("on disk") == "waiting");
  CHECK(world.autostart_state() == "incomplete");
  CHECK(world.supervisor().wanted_facts() == WantedFacts{false, false, false, {"/mnt"}});
  world.facts({.paths = {{"/mnt", {.exists = true}}}});
  world.deliver();
  CHECK(world.started() == Strings{"later", "disk", "on disk"});
  CHECK(world.supervisor().wanted_facts() == WantedFacts{});
  CHECK(world.autostart_state() == "done");
}

TEST_CASE("conditions: memory that VMs take which are starting counts") {
  World world;
  const nlohmann::json policy = {{"start_if_free_memory_mib", 1000}};
  world.define("a", {.autostart = true, .policy = policy, .memory_mib = 1000});
  world.define("b", {.autostart = true, .policy = policy, .memory_mib = 1000});
  world.connect();
  world.facts({.available_memory_mib = 1500});
  CHECK(world.pending() == Strings{"start a"});
  CHECK(world.reason("b") == "waits for 1000 MiB of free memory (now 500 MiB)");
  world.facts({.available_memory_mib = 500});
  world.deliver();
  CHECK(world.phase("b") == "waiting");
  world.facts({.available_memory_mib = 1000});
  CHECK(world.pending() == Strings{"start b"});
}

TEST_CASE("conditions: a policy without them starts the VM at once; a start by hand does not ask") {
  World world;
  world.define("a", {.autostart = true, .policy = {{"start_if_ac_power", true}}});
  world.define("b", {.autostart = true, .policy = {{"start_if_graphical", true}}});
  world.connect();
  CHECK(world.pending().empty());
  world.set_policy_text("a", std::nullopt);
  CHECK(world.pending() == Strings{"start a"});
  world.request(RequestKind::start, "b");
  CHECK(world.pending() == Strings{"start a", "start b"});
  world.deliver();
  CHECK(world.autostart_state() == "done");
}
