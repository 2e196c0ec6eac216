// SPDX-License-Identifier: LGPL-2.1-or-later
#include "user_manager_fixture.hpp"

namespace virtsession::user_manager {

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
  CHECK(fixture.answer([&](auto done) { fixture.users->start_unit("a.service", done, JobMode::ignore_dependencies); }));
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

}  // namespace virtsession::user_manager
