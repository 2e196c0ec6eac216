// SPDX-License-Identifier: LGPL-2.1-or-later
#include "user_manager_fixture.hpp"

namespace virtsession::user_manager {

TEST_CASE("A watch has the status now and every change, until it ends") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  auto& unit = fixture.systemd->manager.unit("a.service");
  std::vector<UnitStatus> seen;
  fixture.users->watch_unit("a.service", [&](const UnitStatus& status) { seen.push_back(status); });
  loop_until(fixture.loop, "the status now", [&] { return !seen.empty(); });
  CHECK(seen.back() == unit.status);
  unit.change(running(42));
  loop_until(fixture.loop, "the change", [&] { return seen.back() == running(42); });
  const UnitStatus failed{"loaded", "failed", "failed", "signal", 0};
  unit.change(failed);
  loop_until(fixture.loop, "the failure", [&] { return seen.back().active_state == "failed"; });
  CHECK(seen.back() == failed);  // the result has come before the state

  const auto count = seen.size();
  unit.change(failed);
  CHECK(fixture.answer<std::string>([&](auto done) { fixture.users->system_state(done); }));
  CHECK(seen.size() == count);  // the same is no change

  fixture.users->unwatch_unit("a.service");
  unit.change(running(43));
  CHECK(fixture.answer<std::string>([&](auto done) { fixture.users->system_state(done); }));
  CHECK(seen.size() == count);
}

TEST_CASE("A watch may end itself, and a unit that systemd cannot name has the load state \"error\"") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  int calls = 0;
  fixture.users->watch_unit("a.service", [&](const UnitStatus&) {
    ++calls;
    fixture.users->unwatch_unit("a.service");
  });
  std::string load_state;
  fixture.users->watch_unit("nonsense", [&](const UnitStatus& status) { load_state = status.load_state; });
  loop_until(fixture.loop, "both watches", [&] { return calls == 1 && load_state == "error"; });
}

TEST_CASE("After a reload the status is read again") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  auto& unit = fixture.systemd->manager.unit("a.service", {"not-found", "inactive", "dead", "", 0});
  std::string load_state;
  fixture.users->watch_unit("a.service", [&](const UnitStatus& status) { load_state = status.load_state; });
  loop_until(fixture.loop, "not-found", [&] { return load_state == "not-found"; });
  unit.status.load_state = "loaded";  // systemd does not signal this one
  fixture.systemd->manager.emitReloading(false);
  loop_until(fixture.loop, "loaded", [&] { return load_state == "loaded"; });
}

TEST_CASE("A manager that is re-executed is subscribed to again, and watches go on") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  std::vector<bool> available;
  fixture.users->on_availability([&](bool now) { available.push_back(now); });
  fixture.systemd->manager.unit("a.service").status = running(42);
  std::optional<UnitStatus> seen;
  fixture.users->watch_unit("a.service", [&](const UnitStatus& status) { seen = status; });
  loop_until(fixture.loop, "the status", [&] { return seen == running(42); });

  fixture.systemd.reset();
  loop_until(fixture.loop, "the manager to go", [&] { return available == std::vector{false}; });
  fixture.systemd.emplace(fixture.loop, fixture.bus);
  fixture.systemd->manager.unit("a.service").status = running(43);
  loop_until(fixture.loop, "the manager to be back", [&] { return available == std::vector{false, true}; });
  CHECK(fixture.called("Subscribe"));
  loop_until(fixture.loop, "the status anew", [&] { return seen == running(43); });
  fixture.systemd->manager.unit("a.service").change(running(44));
  loop_until(fixture.loop, "a change of the new manager's", [&] { return seen == running(44); });
}

TEST_CASE("Jobs survive a re-execution: those that go on, and those that ended unseen") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  std::map<std::string, std::string> answers;
  const auto start = [&](const std::string& unit) {
    fixture.users->start_unit(
        unit, [&answers, unit](const Result<void>& result) { answers[unit] = result ? "ok" : result.error().message; });
  };
  start("kept.service");
  start("ended.service");
  start("failed.service");
  loop_until(fixture.loop, "three jobs", [&] { return fixture.systemd->manager.jobs.size() == 3; });
  test::loop_until_idle(fixture.loop);
  // The replies are here when an answer to a later call is.
  REQUIRE(fixture.answer<std::string>([&](auto done) { fixture.users->system_state(done); }));
  const auto kept = fixture.systemd->manager.jobs.front();

  fixture.systemd.reset();
  fixture.systemd.emplace(fixture.loop, fixture.bus);
  auto& systemd = fixture.systemd->manager;
  systemd.jobs = {kept};
  systemd.unit("ended.service").status = running(1);
  systemd.unit("failed.service").status = {"loaded", "failed", "failed", "exit-code", 0};
  loop_until(fixture.loop, "two answers", [&] { return answers.size() == 2; });
  CHECK(answers["ended.service"] == "ok");
  CHECK(answers["failed.service"] == "failed.service failed: exit-code");
  systemd.finish_jobs("kept.service", "done");
  loop_until(fixture.loop, "the third", [&] { return answers["kept.service"] == "ok"; });
}

TEST_CASE("When the manager stays away, its jobs fail") {
  Fixture fixture(true, 1ms);
  REQUIRE(fixture.connect());
  std::optional<Result<void>> answer;
  fixture.users->start_unit("a.service", [&](const Result<void>& result) { answer = result; });
  loop_until(fixture.loop, "the job", [&] { return !fixture.systemd->manager.jobs.empty(); });
  REQUIRE(fixture.answer<std::string>([&](auto done) { fixture.users->system_state(done); }));
  fixture.systemd.reset();
  loop_until(fixture.loop, "the answer", [&] { return answer.has_value(); });
  REQUIRE_FALSE(*answer);
  CHECK(answer->error().message == "The systemd user manager went away");
}

TEST_CASE("Nothing is called after the destruction, whatever was pending") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  int calls = 0;
  const auto count = [&](const auto&) { ++calls; };
  fixture.systemd->manager.result_before_reply = "done";
  const auto ask = [&] {
    fixture.users->start_unit("a.service", count);
    fixture.users->kill_unit("a.service", SIGTERM, count);
    fixture.users->watch_unit("b.service", count);
    fixture.users->system_state(count);
    fixture.users->start_scope({"a.scope", "VM a", {}}, {41}, count);
    fixture.users->stop_timeout("a.service", count);
  };
  SUBCASE("before anything was sent") { ask(); }
  SUBCASE("when replies are on their way") {
    ask();
    fixture.wait_for_call("LoadUnit b.service");
  }
  SUBCASE("when an answer is on its way to the loop") {
    fixture.users.emplace(fixture.loop, *fixture.connection);
    fixture.users->kill_unit("a.service", SIGTERM, count);  // refused at once, answered later
  }
  SUBCASE("from a callback") {
    bool done = false;
    fixture.users->kill_unit("c.service", SIGTERM, [&](const Result<void>&) {
      ask();
      fixture.users.reset();
      done = true;
    });
    loop_until(fixture.loop, "the callback", [&] { return done; });
  }
  fixture.users.reset();
  // A second one on the same connection still gets its answers, after all that was on its way.
  fixture.users.emplace(fixture.loop, *fixture.connection);
  REQUIRE(fixture.connect());
  CHECK(calls == 0);
}

TEST_CASE("An exception from a callback ends the loop, it does not end the process") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  fixture.users->kill_unit("a.service", SIGTERM,
                           [](const Result<void>&) { throw std::runtime_error("from a callback"); });
  CHECK_THROWS_WITH_AS(fixture.loop.run(), "from a callback", std::runtime_error);
}

TEST_CASE("On a bus that is lost, calls are answered with an error") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  std::vector<std::string> errors;
  const auto keep = [&](const Result<void>& result) { errors.push_back(result ? "ok" : result.error().message); };
  fixture.users->kill_unit("a.service", SIGTERM, keep);
  fixture.bus.stop();
  loop_until(fixture.loop, "the pending call", [&] { return errors.size() == 1; });
  fixture.users->kill_unit("a.service", SIGTERM, keep);
  loop_until(fixture.loop, "the call on a dead bus", [&] { return errors.size() == 2; });
  for (const auto& error : errors) CHECK(error.starts_with("Failed to send a signal to a.service: "));
}

}  // namespace virtsession::user_manager
