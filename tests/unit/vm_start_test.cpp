// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core_fixture.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const Cause kLogin{CauseKind::login};
const Error kRefused{ErrorCode::operation_failed, "no such disk"};
const Error kNoVirtlogd{ErrorCode::operation_failed, "end of file", true, true};
const Error kNoLibvirt{ErrorCode::libvirt_unavailable, "the connection was lost"};

/// A marked VM on its way up, and what it knows of the others.
struct OneStart {
  explicit OneStart(const json& policy = {}, std::optional<VmStart> start = VmStart::in_order(kLogin, true))
      : vm(core.off("web", policy)) {
    core.tell(vm, [](auto& domain) { domain.autostart = true; });
    vm.set_start(std::move(start));
  }
  VmStart& start() { return *vm.start(); }
  StartStep advance() { return start().advance(vm, turn, core.now); }
  bool fails(const Error& error) { return start().on_failed(vm, error, "failed to start", core.now); }
  std::string says() const { return core.says(vm); }

  CoreFixture core;
  StartTurn turn;
  Vm& vm;
};

double wait_sec(OneStart& test) {
  return std::chrono::duration<double>(*test.start().wake() - test.core.now.steady).count();
}

}  // namespace

TEST_CASE("a VM's start: one that waits for nothing starts at once, and is asked for once") {
  OneStart test;
  CHECK(test.advance() == StartStep::start);
  CHECK(test.advance() == StartStep::none);
}

TEST_CASE("a VM's start: earlier orders come first, then the VMs that it starts after") {
  OneStart test;
  test.turn.held_by_order = -5;
  test.turn.waits_for = {"db", "app"};
  CHECK(test.advance() == StartStep::none);
  CHECK(test.says() == "queued: waits for VMs of order -5");
  test.turn.held_by_order = {};
  CHECK(test.advance() == StartStep::none);
  CHECK(test.says() == "waiting: waits for \"db\", \"app\" to be ready");
  test.turn.waits_for.clear();
  CHECK(test.advance() == StartStep::start);
}

TEST_CASE("a VM's start: its delay begins when its turn has come") {
  OneStart test(json{{"start_delay_sec", 29.5}});
  test.turn.held_by_order = 0;
  CHECK(test.advance() == StartStep::none);
  test.core.pass(1min);
  test.turn.held_by_order = {};
  CHECK(test.advance() == StartStep::moved);
  CHECK(test.says() == "waiting: waits 29.5 s");
  CHECK(wait_sec(test) == 29.5);
  test.core.pass(29s);
  CHECK(test.advance() == StartStep::none);
  test.core.pass(1s);
  CHECK(test.advance() == StartStep::start);
}

TEST_CASE("a VM's start: a delay that is changed while it lasts begins anew") {
  OneStart test(json{{"start_delay_sec", 3600}});
  test.advance();
  test.core.set_policy(test.vm, {{"start_delay_sec", 5}, {"stop_order", 1}});
  test.advance();
  CHECK(wait_sec(test) == 5);
  test.core.pass(3s);
  test.core.set_policy(test.vm, {{"start_delay_sec", 5}});
  CHECK(wait_sec(test) == 2);
}

TEST_CASE("a VM's start: it waits until the host is as its policy wants it") {
  OneStart test(json{{"start_if_ac_power", true}, {"start_if_free_memory_mib", 1000}});
  test.core.facts.available_memory_mib = 500;
  CHECK(test.advance() == StartStep::moved);  // others need not wait for it
  CHECK(test.says() == "waiting: waits for AC power, 1000 MiB of free memory (now 500 MiB)");
  test.core.facts = {.on_ac_power = true, .available_memory_mib = 1500};
  test.turn.reserved_mib = 600;  // of VMs that were just started
  CHECK(test.advance() == StartStep::none);
  test.turn.reserved_mib = 500;
  CHECK(test.advance() == StartStep::start);
}

TEST_CASE("a VM's start: what was ready when its turn came may not be when its conditions are met") {
  OneStart test(json{{"start_if_ac_power", true}});
  test.advance();
  test.core.facts.on_ac_power = true;
  test.turn.waits_for = {"db"};
  CHECK(test.advance() == StartStep::moved);
  CHECK(test.advance() == StartStep::none);
  CHECK(test.says() == "waiting: waits for \"db\" to be ready");
}

TEST_CASE("a VM's start: no more than may start at once") {
  OneStart test;
  test.turn.slot_free = false;
  CHECK(test.advance() == StartStep::moved);
  CHECK(test.says() == "queued: waits until fewer VMs are starting");
  test.turn.slot_free = true;
  CHECK(test.advance() == StartStep::start);
}

TEST_CASE("a VM's start: how often is one tried that fails?") {
  OneStart test(json{{"start_retries", 2}});
  for (const auto& [seconds, text] : {std::pair{1, "try 1 of 2 follows"}, std::pair{2, "try 2 of 2 follows"}}) {
    CHECK(test.advance() == StartStep::start);
    CHECK(test.fails(kRefused));
    CHECK(test.says() == "backoff: failed to start; " + std::string(text));
    CHECK(wait_sec(test) >= 0.8 * seconds);
    CHECK(wait_sec(test) <= 1.2 * seconds);
    CHECK(test.advance() == StartStep::none);
    test.core.pass(3s);
  }
  CHECK(test.advance() == StartStep::start);
  CHECK_FALSE(test.fails(kRefused));
}

TEST_CASE("a VM's start: that libvirt is away is not the VM's failure") {
  OneStart test(json{{"start_retries", 0}});
  for (int i = 0; i < 5; ++i) {
    CHECK(test.advance() == StartStep::start);
    CHECK(test.fails(kNoLibvirt));
    test.core.pass(1s);
  }
}

TEST_CASE("a VM's start: that a daemon of libvirt's own does not answer is not the VM's failure") {
  OneStart test(json{{"start_retries", 1}});
  for (const double seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    CHECK(test.advance() == StartStep::start);
    CHECK(test.fails(kNoVirtlogd));
    CHECK(test.says() == "backoff: failed to start; a daemon of libvirt's did not answer, and is waited for");
    CHECK(wait_sec(test) >= 0.8 * seconds);
    CHECK(wait_sec(test) <= 1.2 * seconds);
    test.core.pass(2min);
  }
  CHECK(test.advance() == StartStep::start);
  CHECK(test.fails(kRefused));  // that is one
  CHECK(test.says() == "backoff: failed to start; try 1 of 1 follows");
  test.core.pass(2s);
  CHECK(test.advance() == StartStep::start);
  CHECK_FALSE(test.fails(kRefused));
}

TEST_CASE("a VM's start: one that is not marked any more does not start, a restart does") {
  const auto unmark = [](OneStart& test) {
    test.core.tell(test.vm, [](auto& domain) { domain.autostart = false; });
    return test.advance();
  };
  OneStart marked;
  CHECK(unmark(marked) == StartStep::drop);
  OneStart was_running({}, VmStart::in_order(kLogin, false));
  CHECK(unmark(was_running) == StartStep::start);
  OneStart restart({}, VmStart::at({}, {CauseKind::restart_policy}));
  CHECK(unmark(restart) == StartStep::start);
  OneStart never(json{{"start", "never"}}, VmStart::in_order(kLogin, false));
  CHECK(never.advance() == StartStep::drop);
}

TEST_CASE("a VM's start: a restart waits for its time, and for no other VM") {
  OneStart test(json{{"start_delay_sec", 30}}, VmStart::at(SteadyTime(1h) + 4s, {CauseKind::restart_policy}));
  test.turn.held_by_order = 0;
  test.turn.waits_for = {"db"};
  CHECK(test.advance() == StartStep::none);
  test.core.pass(4s);
  CHECK(test.advance() == StartStep::start);
}

TEST_CASE("a VM's start: a call that was lost is made again, and one that somebody else made is waited for") {
  OneStart test;
  test.advance();
  test.start().call_lost();
  CHECK(test.advance() == StartStep::start);
  OneStart other;
  other.start().taken_over();
  CHECK(other.advance() == StartStep::none);
}
