// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/user_manager.hpp"

#include "fakes/fake_systemd.hpp"
#include "support/loop_until.hpp"
#include "support/private_bus.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace virtsession {
namespace {

using namespace std::chrono_literals;
using test::loop_until;
using test::RunningSystemd;

/// A loop, a bus and a UserManager on it, with or without a stand-in for systemd.
struct Fixture {
  explicit Fixture(bool with_systemd = true, std::chrono::milliseconds away_limit = 10s) {
    if (with_systemd) systemd.emplace(loop, bus);
    users.emplace(loop, *connection, away_limit);
  }

  EventLoop loop;
  test::PrivateBus bus;
  std::unique_ptr<sdbus::IConnection> connection = bus.connect();
  BusSource source{loop, *connection, {}};
  std::optional<RunningSystemd> systemd;
  std::optional<UserManager> users;

  /// The answer of what `call` asks for.
  template <class T = void, class Call>
  Result<T> answer(Call&& call) {
    std::optional<Result<T>> got;
    call([&](const Result<T>& result) { got.emplace(result); });
    CHECK_FALSE(got.has_value());  // never from inside the call
    loop_until(loop, "an answer", [&] { return got.has_value(); });
    return *got;
  }
  Result<void> connect() {
    return answer([&](auto done) { users->connect(done); });
  }
  Result<void> start(const std::string& unit) {
    return answer([&](auto done) { users->start_unit(unit, done); });
  }
  bool called(const std::string& call) const {
    const auto& calls = systemd->manager.calls;
    return std::find(calls.begin(), calls.end(), call) != calls.end();
  }
  void wait_for_call(const std::string& call) {
    loop_until(loop, call, [&] { return called(call); });
  }
};

UnitStatus running(std::uint32_t pid) { return {"loaded", "active", "running", "success", pid}; }

TEST_CASE("Without a user manager on the bus, connect() says so and calls are refused") {
  Fixture fixture(false);
  const auto connected = fixture.connect();
  REQUIRE_FALSE(connected);
  CHECK(connected.error() ==
        Error{ErrorCode::not_supported,
              "No systemd user manager on the session bus (org.freedesktop.systemd1 has no owner)"});
  const auto started = fixture.start("a.service");
  REQUIRE_FALSE(started);
  CHECK(started.error() == Error{ErrorCode::not_supported, "The systemd user manager is not available"});
}

TEST_CASE("A manager that comes after connect() is used") {
  Fixture fixture(false);
  REQUIRE_FALSE(fixture.connect());
  std::vector<bool> available;
  fixture.users->on_availability([&](bool now) { available.push_back(now); });
  fixture.systemd.emplace(fixture.loop, fixture.bus);
  loop_until(fixture.loop, "the manager", [&] { return available == std::vector{true}; });
  fixture.systemd->manager.result_before_reply = "done";
  CHECK(fixture.start("a.service"));
}

TEST_CASE("A job is answered when systemd removes it") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  CHECK(fixture.called("Subscribe"));
  auto& systemd = fixture.systemd->manager;
  std::string answers;
  fixture.users->start_unit("a.service", [&](const Result<void>& result) { answers += result ? 'a' : 'x'; });
  fixture.users->stop_unit("b.service", [&](const Result<void>& result) { answers += result ? 'b' : 'x'; });
  fixture.users->restart_unit("c.service", [&](const Result<void>& result) { answers += result ? 'c' : 'x'; });
  loop_until(fixture.loop, "three jobs", [&] { return systemd.jobs.size() == 3; });
  CHECK(systemd.calls == std::vector<std::string>{"Subscribe", "StartUnit a.service replace",
                                                  "StopUnit b.service replace", "RestartUnit c.service replace"});
  test::loop_until_idle(fixture.loop);
  CHECK(answers.empty());
  systemd.finish_jobs("b.service", "done");
  loop_until(fixture.loop, "b", [&] { return answers == "b"; });
  systemd.finish_jobs("a.service", "done");
  systemd.finish_jobs("c.service", "done");
  loop_until(fixture.loop, "a and c", [&] { return answers == "bac"; });
}

TEST_CASE("A job that is removed before the reply names it is answered") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  fixture.systemd->manager.result_before_reply = "done";
  CHECK(fixture.start("a.service"));
  fixture.systemd->manager.unit("b.service", {"loaded", "failed", "failed", "signal", 0});
  fixture.systemd->manager.result_before_reply = "failed";
  const auto failed = fixture.start("b.service");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "b.service failed: signal");
}

TEST_CASE("A job that fails says why") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  auto& systemd = fixture.systemd->manager;
  systemd.unit("virtsession-libvirtd.service", {"loaded", "failed", "failed", "exit-code", 0});
  const auto outcome = [&](const std::string& unit, const std::string& result) {
    systemd.result_before_reply = result;
    const auto started = fixture.start(unit);
    REQUIRE_FALSE(started);
    CHECK(started.error().code == ErrorCode::operation_failed);
    return started.error().message;
  };
  CHECK(outcome("virtsession-libvirtd.service", "failed") == "virtsession-libvirtd.service failed: exit-code");
  CHECK(outcome("a.service", "failed") == "a.service failed");
  CHECK(outcome("a.service", "timeout") == "a.service was not started in time");
  CHECK(outcome("a.service", "canceled") == "a.service was not started: another job took this one's place");
  CHECK(outcome("a.service", "dependency") == "a.service was not started: a unit that it needs failed");
  CHECK(outcome("a.service", "assert") == "a.service was not started: assert");
  CHECK(outcome("missing.service", "done") == "Failed to start missing.service: Unit missing.service not found.");
}

TEST_CASE("A unit can be started without what it needs") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  fixture.systemd->manager.result_before_reply = "done";
  CHECK(
      fixture.answer([&](auto done) { fixture.users->start_unit("a.service", done, StartMode::ignore_dependencies); }));
  CHECK(fixture.called("StartUnit a.service ignore-dependencies"));
}

constexpr auto kNotSet = std::numeric_limits<std::uint64_t>::max();

template <class T>
T scope_property(const Fixture& fixture, const std::string& name) {
  return fixture.systemd->manager.scopes.at("a.scope").at(name).get<T>();
}

TEST_CASE("Processes are moved into a scope, which ends after virtsessiond and before the libvirt daemons") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  auto& systemd = fixture.systemd->manager;
  std::optional<Result<void>> answer;
  const ScopeSpec spec{"a.scope", "VM a", {.cpu_weight = 50, .io_weight = {}, .memory_high_bytes = {}}};
  fixture.users->start_scope(spec, {41, 42}, [&](const Result<void>& result) { answer = result; });
  fixture.wait_for_call("StartTransientUnit a.scope fail");
  test::loop_until_idle(fixture.loop);
  CHECK_FALSE(answer);
  systemd.finish_jobs("a.scope", "done");
  loop_until(fixture.loop, "the scope", [&] { return answer.has_value(); });
  CHECK(*answer);

  CHECK(scope_property<std::vector<std::uint32_t>>(fixture, "PIDs") == std::vector<std::uint32_t>{41, 42});
  CHECK(scope_property<std::string>(fixture, "Description") == "VM a");
  CHECK(scope_property<std::string>(fixture, "Slice") == "virtsession.slice");
  CHECK(scope_property<std::string>(fixture, "CollectMode") == "inactive-or-failed");
  CHECK(scope_property<std::string>(fixture, "ManagedOOMPreference") == "omit");
  CHECK(scope_property<std::vector<std::string>>(fixture, "Before") ==
        std::vector<std::string>{"virtsession-last-resort.service", "virtsessiond.service"});
  CHECK(scope_property<std::vector<std::string>>(fixture, "After") ==
        std::vector<std::string>{"virtsession-libvirtd.service", "virtsession-virtqemud.service"});
  CHECK(scope_property<std::uint64_t>(fixture, "TimeoutStopUSec") == 10'000'000);
  CHECK_FALSE(scope_property<bool>(fixture, "SendSIGHUP"));
  CHECK(scope_property<std::vector<std::string>>(fixture, "DelegateControllers").empty());
  CHECK(scope_property<std::uint64_t>(fixture, "CPUWeight") == 50);
  CHECK(scope_property<std::uint64_t>(fixture, "IOWeight") == kNotSet);
  CHECK(scope_property<std::uint64_t>(fixture, "MemoryHigh") == kNotSet);

  const auto again = fixture.answer([&](auto done) { fixture.users->start_scope(spec, {43}, done); });
  REQUIRE_FALSE(again);
  CHECK(again.error().message == "Failed to start a.scope: Unit a.scope was already loaded or has a fragment file.");
}

TEST_CASE("A scope's limits are changed and reset, and processes are added to it") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  fixture.systemd->manager.result_before_reply = "done";
  const auto set = [&](const ScopeLimits& limits) {
    return fixture.answer([&](auto done) { fixture.users->set_scope_limits("a.scope", limits, done); });
  };
  const auto too_early = set({});
  REQUIRE_FALSE(too_early);
  CHECK(too_early.error().message == "Failed to set the limits of a.scope: Unit a.scope not loaded.");
  CHECK(fixture.answer([&](auto done) { fixture.users->start_scope({"a.scope", "VM a", {}}, {41}, done); }));

  CHECK(set({.cpu_weight = 200, .io_weight = 300, .memory_high_bytes = 1024}));
  CHECK(fixture.called("SetUnitProperties a.scope runtime"));
  CHECK(scope_property<std::uint64_t>(fixture, "CPUWeight") == 200);
  CHECK(scope_property<std::uint64_t>(fixture, "IOWeight") == 300);
  CHECK(scope_property<std::uint64_t>(fixture, "MemoryHigh") == 1024);
  CHECK(set({.cpu_weight = {}, .io_weight = 300, .memory_high_bytes = {}}));
  CHECK(scope_property<std::uint64_t>(fixture, "CPUWeight") == kNotSet);
  CHECK(scope_property<std::uint64_t>(fixture, "IOWeight") == 300);
  CHECK(scope_property<std::uint64_t>(fixture, "MemoryHigh") == kNotSet);

  CHECK(fixture.answer([&](auto done) { fixture.users->add_to_scope("a.scope", {44, 45}, done); }));
  CHECK(scope_property<std::vector<std::uint32_t>>(fixture, "PIDs") == std::vector<std::uint32_t>{41, 44, 45});
}

TEST_CASE("How long a service may take to stop is read") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  using Timeout = std::optional<std::chrono::microseconds>;
  const auto timeout = [&](const std::string& unit) {
    return fixture.answer<Timeout>([&](auto done) { fixture.users->stop_timeout(unit, done); });
  };
  fixture.systemd->manager.unit("a.service").stop_timeout_usec = 120'000'000;
  CHECK(timeout("a.service").value() == Timeout(120s));
  fixture.systemd->manager.unit("a.service").stop_timeout_usec = kNotSet;
  CHECK(timeout("a.service").value() == std::nullopt);
  const auto refused = timeout("nonsense");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "Failed to read the stop timeout of nonsense: Unit name nonsense is not valid.");
  fixture.systemd.reset();
  CHECK_FALSE(timeout("a.service"));
}

TEST_CASE("A signal goes to the main process only") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  CHECK(fixture.answer([&](auto done) { fixture.users->kill_unit("a.service", SIGKILL, done); }));
  CHECK(fixture.called("KillUnit a.service main 9"));
}

TEST_CASE("The manager's state is read each time") {
  Fixture fixture;
  REQUIRE(fixture.connect());
  const auto state = fixture.answer<std::string>([&](auto done) { fixture.users->system_state(done); });
  REQUIRE(state);
  CHECK(*state == "running");
  fixture.systemd.reset();
  const auto gone = fixture.answer<std::string>([&](auto done) { fixture.users->system_state(done); });
  CHECK_FALSE(gone);
}

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

}  // namespace
}  // namespace virtsession
