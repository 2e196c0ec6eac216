// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;

namespace {

const auto kNoWait = [](VmRequest& request) { request.wait = false; };

}  // namespace

TEST_CASE("request: start answers when the VM runs, and tells who asked") {
  auto world = with({});
  const auto id = world.request(RequestKind::start, "a");
  CHECK(world.answer(id) == "");
  CHECK(world.phase("a") == "starting");
  CHECK(world.reason("a") == "asked for by tester");
  CHECK(world.intent("a") == "up");
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.phase("a") == "running");
  CHECK(world.history("a").back().cause == "tester");
  CHECK(world.view("a").started_usec == world.now().wall_usec);
}

TEST_CASE("request: start without waiting answers at once") {
  auto world = with({});
  CHECK(world.answer(world.request(RequestKind::start, "a", kNoWait)) == "ok");
  CHECK(world.pending() == Strings{"start a"});
}

TEST_CASE("request: start of a VM that runs is done already") {
  auto world = with(running());
  CHECK(world.answer(world.request(RequestKind::start, "a")) == "ok");
  CHECK(world.pending().empty());
}

TEST_CASE("request: two starts are one call, and both are answered") {
  auto world = with({});
  const auto first = world.request(RequestKind::start, "a");
  const auto second = world.request(RequestKind::start, "a");
  CHECK(world.answer(world.request(RequestKind::start, "a", kNoWait)) == "ok");
  CHECK(world.pending().size() == 1);
  world.deliver();
  CHECK(world.answer(first) == "ok");
  CHECK(world.answer(second) == "ok");
}

TEST_CASE("request: start joins the start at login, and gets its error too") {
  World world;
  world.define("a", {.autostart = true});
  world.domain("a").start_failures = {"no disk"};
  world.connect();
  const auto id = world.request(RequestKind::start, "a");
  CHECK(world.pending().size() == 1);
  world.deliver("a");
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.answer_text(id) == "no disk");
  world.pass(5);
  CHECK(world.phase("a") == "running");
}

TEST_CASE("request: a start that fails has libvirt's words, and leaves the VM off with the reason") {
  auto world = with({});
  world.domain("a").start_failures = {"Cannot access storage file '/x.img'"};
  const auto id = world.request(RequestKind::start, "a");
  world.deliver();
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.answer_text(id) == "Cannot access storage file '/x.img'");
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a") == "failed to start: Cannot access storage file '/x.img'");
  CHECK(world.view("a").last_error == "failed to start: Cannot access storage file '/x.img'");
  world.pass(1000);
  CHECK(world.started().size() == 1);
}

TEST_CASE("request: start while another client is faster is a success") {
  auto world = with({});
  const auto id = world.request(RequestKind::start, "a");
  world.foreign_start("a");
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.phase("a") == "running");
  CHECK(world.view("a").last_error == "");
}

TEST_CASE("request: start passes its options on and does not wait for its turn") {
  World world(Config{.parallel = 1});
  world.define("a", {.autostart = true});
  world.define("b", {.autostart = true, .policy = {{"start_order", 9}}});
  world.connect();
  world.request(RequestKind::start, "b", [](VmRequest& request) { request.paused = request.force_boot = true; });
  CHECK(world.pending() == Strings{"start a", "start b"});
  world.deliver();
  CHECK(world.started() == Strings{"a", "b"});
}

TEST_CASE("request: save stops the VM and keeps its memory") {
  auto world = with(running());
  const auto id = world.request(RequestKind::save, "a");
  const auto joined = world.request(RequestKind::save, "a");
  CHECK(world.phase("a") == "saving");
  CHECK(world.pending().size() == 1);
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.answer(joined) == "ok");
  CHECK(world.phase("a") == "inactive");
  CHECK(world.reason("a") == "saved");
  CHECK(world.view("a").managed_save);
  CHECK_MESSAGE(world.answer(world.request(RequestKind::save, "a")) == "ok", "it is saved already");
  world.foreign_start("a");
  world.foreign_shutdown("a");
  CHECK(world.answer(world.request(RequestKind::save, "a")) == "OperationFailed");
}

TEST_CASE("request: a save tells how far it is") {
  auto world = with({.running = true, .memory_mib = 1000});
  world.domain("a").save_takes = 10s;
  const auto id = world.request(RequestKind::save, "a");
  CHECK(world.reason("a") == "being saved for tester");
  CHECK_FALSE(world.view("a").progress);
  world.pass(5.5);
  CHECK(world.phase("a") == "saving");
  CHECK(world.view("a").progress == 50);
  CHECK(world.reason("a") == "being saved (50 %) for tester");
  CHECK(world.history("a").back().reason.find('%') == std::string::npos);
  world.pass(5);
  CHECK(world.answer(id) == "ok");
  CHECK(world.reason("a") == "saved");
  CHECK_FALSE(world.view("a").progress);
}

TEST_CASE("request: a failed save leaves the VM running with the reason") {
  auto world = with(running());
  world.domain("a").any_failure = "disk full";
  const auto id = world.request(RequestKind::save, "a");
  world.deliver();
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.phase("a") == "running");
  CHECK(world.view("a").last_error == "failed to save: disk full");
  CHECK(world.intent("a") == "up");
  world.kill_qemu("a");
  CHECK_MESSAGE(world.history("a").back().cause == "crash", "a stop that failed is no reason for a later crash");
}

TEST_CASE("request: two power-offs both succeed") {
  auto world = with(running());
  const auto first = world.request(RequestKind::power_off, "a");
  const auto second = world.request(RequestKind::power_off, "a");
  world.deliver();
  CHECK(world.answer(first) == "ok");
  CHECK(world.answer(second) == "ok");
  CHECK(world.reason("a") == "powered off");
  CHECK(world.history("a").back().cause == "tester");
  CHECK(world.view("a").last_error == "");
}

TEST_CASE("request: power-off while a guest takes its time ends that wait well") {
  auto world = with(running());
  world.domain("a").ignores_shutdown = true;
  const auto shutdown = world.request(RequestKind::shutdown, "a");
  world.deliver();
  const auto off = world.request(RequestKind::power_off, "a");
  world.deliver();
  CHECK(world.answer(off) == "ok");
  CHECK(world.answer(shutdown) == "ok");
  CHECK_FALSE(world.supervisor().wake());
}

TEST_CASE("request: pause, resume and reboot") {
  auto world = with(running());
  const auto pause = world.request(RequestKind::pause, "a");
  world.deliver();
  CHECK(world.answer(pause) == "ok");
  CHECK(world.reason("a") == "paused by tester");
  const auto resume = world.request(RequestKind::resume, "a");
  world.deliver();
  CHECK(world.answer(resume) == "ok");
  CHECK(world.reason("a") == "running");
  const auto reboot = world.request(RequestKind::reboot, "a");
  world.deliver();
  CHECK(world.answer(reboot) == "ok");
  CHECK(world.phase("a") == "running");
  world.foreign_shutdown("a");
  const auto nothing = world.request(RequestKind::reboot, "a");
  world.deliver();
  CHECK(world.answer(nothing) == "OperationFailed");
}

TEST_CASE("request: the flags") {
  auto world = with({.once = false});
  const auto enable = [](VmRequest& request) { request.enable = true; };
  const auto id = world.request(RequestKind::set_autostart, "a", enable);
  const auto once = world.request(RequestKind::set_autostart_once, "a", enable);
  world.deliver();
  CHECK(world.answer(id) == "ok");
  CHECK(world.answer(once) == "ok");
  CHECK(world.view("a").autostart);
  CHECK(world.view("a").autostart_once);
  CHECK(world.phase("a") == "inactive");
}

TEST_CASE("request: what libvirt is still at makes other changes of its state busy, and nothing else") {
  const RequestKind kinds[] = {RequestKind::shutdown, RequestKind::save,  RequestKind::power_off,
                               RequestKind::reboot,   RequestKind::pause, RequestKind::resume};
  for (const auto kind : kinds) {
    auto world = with({});
    const auto start = world.request(RequestKind::start, "a");
    const auto refused = world.request(kind, "a");
    CHECK(world.answer(refused) == "Busy");
    CHECK(world.answer_text(refused) == "VM \"a\" is busy: libvirt is still asked to start it");
    CHECK(world.intent("a") == "up");
    world.request(RequestKind::set_autostart, "a");
    world.deliver();
    CHECK(world.answer(start) == "ok");
    CHECK(world.unanswered() == 0);
  }
  auto world = with(running());
  world.request(RequestKind::power_off, "a");
  CHECK(world.answer(world.request(RequestKind::start, "a")) == "Busy");
}

TEST_CASE("request: what cannot be is refused at once") {
  World world;
  world.define("a", {.persistent = false, .running = true});
  world.define("b");
  CHECK(world.answer(world.request(RequestKind::start, "a")) == "NoSuchVM");
  world.connect();
  CHECK(world.answer(world.request(RequestKind::set_autostart, "a")) == "NotSupported");
  CHECK(world.answer(world.request(RequestKind::set_policy, "a")) == "NotSupported");
  CHECK(world.answer(world.request(RequestKind::set_autostart_once, "b")) == "NotSupported");
  CHECK(world.answer(world.request(RequestKind::start, "b", [](VmRequest& r) { r.uuid = "nosuch"; })) == "NoSuchVM");
  world.lose_libvirt();
  for (const auto kind : {RequestKind::start, RequestKind::shutdown, RequestKind::set_policy, RequestKind::pause})
    CHECK(world.answer(world.request(kind, "b")) == "LibvirtUnavailable");
  CHECK(world.answer(world.request(RequestKind::reset_failed, "b")) == "ok");
  CHECK(world.pending().empty());
}

TEST_CASE("request: libvirt lost in the middle answers every request once, and the VM is as it is found later") {
  const RequestKind kinds[] = {RequestKind::shutdown,   RequestKind::save,          RequestKind::power_off,
                               RequestKind::reboot,     RequestKind::pause,         RequestKind::resume,
                               RequestKind::set_policy, RequestKind::set_autostart, RequestKind::clear_policy};
  for (const auto kind : kinds) {
    auto world = with(running());
    const auto id = world.request(kind, "a");
    world.lose_libvirt();
    CHECK(world.answer(id) == "LibvirtUnavailable");
    CHECK(world.phase("a") == "unknown");
    CHECK(to_text(world.view("a").state) == "unknown");
    CHECK_FALSE(world.supervisor().wake());
    world.connect();
    CHECK(world.phase("a") == "running");
    CHECK(world.intent("a") == "up");
    world.pass(1000);
    CHECK(world.unanswered() == 0);
    world.kill_qemu("a");
    CHECK(world.history("a").back().cause == "crash");
  }
  auto world = with({});
  const auto id = world.request(RequestKind::start, "a");
  world.lose_libvirt();
  CHECK(world.answer(id) == "LibvirtUnavailable");
  world.connect();
  CHECK(world.phase("a") == "inactive");
  CHECK(world.pending().empty());
}

TEST_CASE("request: a VM that is removed in the middle") {
  auto world = with({});
  const auto id = world.request(RequestKind::start, "a");
  world.undefine("a");
  CHECK(world.answer(id) == "NoSuchVM");
  world.deliver();
  CHECK(world.unanswered() == 0);
}

TEST_CASE("request: a transient VM goes with its stop, and that is a success") {
  for (const auto kind : {RequestKind::shutdown, RequestKind::power_off}) {
    auto world = with({.persistent = false, .running = true});
    const auto id = world.request(kind, "a");
    world.deliver();
    CHECK(world.answer(id) == "ok");
    CHECK(world.supervisor().uuids().empty());
  }
  auto world = with({.persistent = false, .running = true});
  const auto id = world.request(RequestKind::save, "a");
  world.deliver();
  CHECK(world.answer(id) == "OperationFailed");
  CHECK(world.running("a"));
}
