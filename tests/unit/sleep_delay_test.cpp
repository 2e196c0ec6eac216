// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace std::chrono_literals;
using nlohmann::json;

// The host's sleep waits for a save as long as logind lets it, and no longer.

namespace {

const VmSpec kSaved{.policy = {{"sleep", "save"}}, .running = true};

}  // namespace

TEST_CASE("sleep: what cannot be saved in the time that logind gives is paused, and says so beforehand") {
  World world;
  world.define("big", {.policy = kSaved.policy, .running = true, .memory_mib = 4096});
  world.connect();
  const auto problems = world.view("big").policy_problems;
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].pointer == "/sleep");
  CHECK(problems[0].text ==
        "it is paused, not saved, when the host sleeps: a save of its 4096 MiB may take 34 s, and logind lets the "
        "host's sleep wait for 5 s");
  CHECK(problems[0].suggestion == "InhibitDelayMaxSec=43 in /etc/systemd/logind.conf");
  CHECK(problems[0].code == ProblemCode::too_slow);
  world.sleep();
  CHECK(world.pending() == Strings{"pause big"});
  CHECK(world.journal("big", Incident::phase).back().starts_with("is paused for the host's sleep, not saved: a save"));
  world.deliver();
  world.wake_up();
  world.deliver();
  CHECK(world.phase("big") == "running");

  SUBCASE("logind gives more") {
    world.supervisor().on_sleep_delay(43s);
    CHECK(world.view("big").policy_problems.empty());
    world.sleep();
    CHECK(world.pending() == Strings{"save big"});
  }
  SUBCASE("an earlier save was fast, which is known at the next login, too") {
    world.domain("big").save_takes = 1s;
    world.request(RequestKind::save, "big");
    world.pass(2);
    CHECK(world.view("big").policy_problems.empty());
    world.start_supervisor({json::object(), world.supervisor().kept_state().lasting});
    world.connect();
    CHECK(world.view("big").policy_problems.empty());
    world.foreign_start("big");
    world.sleep();
    CHECK(world.pending() == Strings{"save big"});
  }
}

TEST_CASE("sleep: of several, as many are saved as there is time for") {
  World world;
  for (const auto mib : {200, 100, 300})
    world.define("vm" + std::to_string(mib),
                 {.policy = kSaved.policy, .running = true, .memory_mib = static_cast<std::uint64_t>(mib)});
  world.supervisor().on_sleep_delay(8s);
  world.connect();
  world.sleep();
  CHECK(world.pending() == Strings{"save vm100", "save vm200", "pause vm300"});
}

TEST_CASE("sleep: a save that takes longer than it should is aborted in time, and the VM is paused") {
  auto world = with(kSaved);
  world.domain("a").save_takes = 60s;
  world.sleep();
  world.pass(4.5);
  CHECK_FALSE(world.supervisor().wants_sleep_lock());
  CHECK(world.domain("a").snapshot.state == DomainState::paused);
  CHECK(world.view("a").last_error == "failed to save for the host's sleep: it was not done in time");
  CHECK(world.phase("a") == "paused");
  world.wake_up();
  world.deliver();
  CHECK(world.phase("a") == "running");
}

TEST_CASE("sleep: a save that another instance began is ours when it ends") {
  auto world = with(kSaved);
  world.domain("a").save_takes = 60s;
  world.sleep();
  world.restart_supervisor();
  world.domain("a").snapshot.state = DomainState::paused;
  world.domain("a").snapshot.pause_reason = PauseReason::job;
  world.domain("a").snapshot.in_job = true;
  world.connect();
  world.pass(1);
  world.domain("a").snapshot.pause_reason = PauseReason::none;
  world.foreign_save("a");
  world.pass(1);
  CHECK(world.running("a"));
  CHECK(world.started() == Strings{"a"});
  CHECK(world.history("a").back().cause == "the host woke up");
}
