// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/login_manager.hpp"

#include "fakes/fake_logind.hpp"
#include "fakes/fake_systemd.hpp"
#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {
namespace {

using namespace std::chrono_literals;
using test::loop_until;
using test::loop_until_idle;
using test::PrivateBus;
using test::RunningLogind;
using StopTimeout = std::optional<std::chrono::microseconds>;

constexpr auto kInhibit = "Inhibit sleep virtsession delay";

/// A host with a system bus of its own, with or without logind.
struct Host {
  explicit Host(bool with_logind = true) {
    use_system_bus(bus->address());
    if (with_logind) start_logind();
    login.on_prepare_for_sleep([this](bool about_to_sleep) { sleeps.push_back(about_to_sleep); });
    login.on_linger_changed([this](bool linger) { lingers.push_back(linger); });
  }
  ~Host() { use_system_bus("unix:path=/nonexistent"); }

  static void use_system_bus(const std::string& address) { setenv("DBUS_SYSTEM_BUS_ADDRESS", address.c_str(), 1); }

  void start_logind() { logind = std::make_unique<RunningLogind>(loop, *bus); }
  void connect() {
    login.connect();
    if (logind) loop_until(loop, "logind's properties", [&] { return login.inhibit_delay_max() == 7s; });
  }
  test::FakeLogind& manager() { return logind->manager; }
  std::size_t inhibit_calls() { return static_cast<std::size_t>(std::ranges::count(manager().calls, kInhibit)); }
  void wait_for_locks(std::size_t given, std::size_t held) {
    loop_until(loop, "a lock", [&] { return manager().locks_given == given && manager().locks_held() == held; });
    settle();
    CHECK(manager().locks_given == given);
    CHECK(manager().locks_held() == held);
  }
  /// What was on its way over the bus has arrived.
  void settle() {
    CHECK(answer<void>([&](auto done) { login.set_linger(true, false, done); }));
    loop_until_idle(loop);
  }
  template <class T, class Call>
  Result<T> answer(Call&& call) {
    std::optional<Result<T>> got;
    call([&](const Result<T>& result) { got.emplace(result); });
    CHECK_FALSE(got.has_value());
    loop_until(loop, "an answer", [&] { return got.has_value(); });
    return *got;
  }

  EventLoop loop;
  std::unique_ptr<PrivateBus> bus = std::make_unique<PrivateBus>();
  std::unique_ptr<RunningLogind> logind;
  PathWatcher paths{loop};
  test::TemporaryFolder folder;
  LoginManager login{loop, paths, getuid(), folder / "linger"};
  std::vector<bool> sleeps;
  std::vector<bool> lingers;
};

TEST_CASE("The host's sleep is told when logind tells it, and the longest delay is logind's") {
  Host host;
  CHECK(host.login.inhibit_delay_max() == 5s);
  host.connect();
  host.manager().prepare_for_sleep(true);
  loop_until(host.loop, "the sleep", [&] { return host.sleeps == std::vector{true}; });
  host.manager().prepare_for_sleep(false);
  loop_until(host.loop, "the end of the sleep", [&] { return host.sleeps == std::vector{true, false}; });
}

TEST_CASE("An end of the sleep that was missed is told when logind is back") {
  Host host;
  host.connect();
  host.manager().prepare_for_sleep(true);
  loop_until(host.loop, "the sleep", [&] { return host.sleeps == std::vector{true}; });
  host.logind.reset();
  host.start_logind();
  loop_until(host.loop, "the end of the sleep", [&] { return host.sleeps == std::vector{true, false}; });
}

TEST_CASE("A lock for sleep is taken once and released once") {
  Host host;
  host.connect();
  host.login.want_sleep_lock(true);
  host.login.want_sleep_lock(true);
  host.wait_for_locks(1, 1);
  CHECK(host.inhibit_calls() == 1);
  host.login.want_sleep_lock(false);
  host.login.want_sleep_lock(false);
  host.wait_for_locks(1, 0);
  host.login.want_sleep_lock(true);
  host.wait_for_locks(2, 1);
}

TEST_CASE("A lock that is not wanted any more when it comes is released; one that is wanted again is kept") {
  Host host;
  host.connect();
  host.login.want_sleep_lock(true);
  host.login.want_sleep_lock(false);
  SUBCASE("not wanted") { host.wait_for_locks(1, 0); }
  SUBCASE("wanted again") {
    host.login.want_sleep_lock(true);
    host.wait_for_locks(1, 1);
  }
}

TEST_CASE("A lock that was wanted before logind was there is taken when it comes, and again when it restarts") {
  Host host(false);
  host.login.want_sleep_lock(true);
  host.connect();
  loop_until_idle(host.loop);
  host.start_logind();
  host.wait_for_locks(1, 1);
  host.logind.reset();
  host.start_logind();
  host.wait_for_locks(1, 1);
  host.login.want_sleep_lock(false);
  host.wait_for_locks(1, 0);
}

TEST_CASE("logind takes no lock while it prepares for sleep: it is asked again when the host is awake") {
  Host host;
  host.connect();
  host.manager().prepare_for_sleep(true);
  loop_until(host.loop, "the sleep", [&] { return !host.sleeps.empty(); });
  host.login.want_sleep_lock(true);
  loop_until(host.loop, "the refusal", [&] { return host.inhibit_calls() == 1; });
  host.settle();
  CHECK(host.manager().locks_given == 0);
  host.manager().prepare_for_sleep(false);
  host.wait_for_locks(1, 1);
}

TEST_CASE("A lock that is refused is not asked for again and again") {
  Host host;
  host.connect();
  host.manager().refusal = "org.freedesktop.DBus.Error.AccessDenied";
  host.login.want_sleep_lock(true);
  loop_until(host.loop, "the refusal", [&] { return host.inhibit_calls() == 1; });
  host.manager().refusal.reset();
  host.login.want_sleep_lock(true);
  host.settle();
  CHECK(host.inhibit_calls() == 1);
  host.login.want_sleep_lock(false);
  host.login.want_sleep_lock(true);
  host.wait_for_locks(1, 1);
}

TEST_CASE("The lock is released when the login manager goes, and a reply after that is nobody's") {
  Host host;
  auto login = std::make_unique<LoginManager>(host.loop, host.paths, getuid(), host.folder.path());
  login->connect();
  login->want_sleep_lock(true);
  SUBCASE("with a lock") {
    loop_until(host.loop, "the lock", [&] { return host.manager().locks_held() == 1; });
  }
  SUBCASE("with a request on its way") {}
  login.reset();
  host.connect();
  host.settle();
  CHECK(host.manager().locks_held() == 0);
}

TEST_CASE("How long the user manager may take to stop is read from the system's manager") {
  Host host;
  test::RunningSystemd systemd(host.loop, *host.bus);
  auto& unit = systemd.manager.unit("user@" + std::to_string(getuid()) + ".service");
  const auto timeout = [&] { return host.answer<StopTimeout>([&](auto done) { host.login.user_stop_timeout(done); }); };
  const auto too_early = timeout();
  REQUIRE_FALSE(too_early);
  CHECK(too_early.error() == Error{ErrorCode::not_supported, "There is no system bus"});
  host.connect();
  unit.stop_timeout_usec = 120'000'000;
  CHECK(timeout().value() == StopTimeout(120s));
  unit.stop_timeout_usec = std::numeric_limits<std::uint64_t>::max();
  CHECK(timeout().value() == std::nullopt);
}

TEST_CASE("Whether the user lingers is what the file says, whoever makes it") {
  Host host;
  const std::filesystem::path file = host.folder / "linger" / getpwuid(getuid())->pw_name;
  CHECK_FALSE(host.login.linger());
  std::filesystem::create_directory(host.folder / "linger");
  std::ofstream{file};
  loop_until(host.loop, "the lingering", [&] { return host.login.linger(); });
  CHECK(LoginManager(host.loop, host.paths, getuid(), host.folder / "linger").linger());
  std::ofstream{host.folder / "linger/somebody"};
  loop_until_idle(host.loop);
  std::filesystem::remove(file);
  loop_until(host.loop, "the end of the lingering", [&] { return !host.login.linger(); });
  CHECK(host.lingers == std::vector{true, false});
}

TEST_CASE("Lingering is switched by logind, and a refusal says of what kind it is") {
  Host host;
  host.connect();
  const auto set = [&](bool enable, bool interactive) {
    return host.answer<void>([&](auto done) { host.login.set_linger(enable, interactive, done); });
  };
  CHECK(set(true, true));
  CHECK(set(false, false));
  const auto user = "SetUserLinger " + std::to_string(getuid());
  CHECK(host.manager().calls == std::vector<std::string>{user + " on interactive", user + " off"});

  const auto refused = [&](const std::string& name) {
    host.manager().refusal = name;
    const auto result = set(true, false);
    REQUIRE_FALSE(result);
    CHECK(result.error().message == "Failed to change whether the user lingers: Permission denied");
    return result.error().code;
  };
  CHECK(refused("org.freedesktop.DBus.Error.AccessDenied") == ErrorCode::access_denied);
  CHECK(refused("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired") == ErrorCode::access_denied);
  CHECK(refused("org.freedesktop.DBus.Error.Failed") == ErrorCode::operation_failed);
  host.logind.reset();
  const auto without = set(true, false);
  REQUIRE_FALSE(without);
  CHECK(without.error().code == ErrorCode::not_supported);
}

TEST_CASE("Whoever is told that lingering is switched finds it so") {
  Host host;
  std::filesystem::create_directory(host.folder / "linger");
  host.manager().linger_file = host.folder / "linger" / getpwuid(getuid())->pw_name;
  EventLoop asleep;  // inotify is as late as it can be
  PathWatcher deaf{asleep};
  LoginManager login{host.loop, deaf, getuid(), host.folder / "linger"};
  std::vector<bool> told;
  login.on_linger_changed([&](bool linger) { told.push_back(linger); });
  login.connect();
  loop_until(host.loop, "logind's properties", [&] { return login.inhibit_delay_max() == 7s; });
  for (const bool enable : {true, false}) {
    std::optional<bool> seen;
    login.set_linger(enable, false, [&](const Result<void>&) { seen = login.linger(); });
    loop_until(host.loop, "the answer", [&] { return seen.has_value(); });
    CHECK(seen == enable);
  }
  CHECK(told == std::vector{true, false});
}

TEST_CASE("Without a system bus all calls are answered, and it is used when it comes") {
  Host host(false);
  Host::use_system_bus("unix:path=/nonexistent");
  host.login.want_sleep_lock(true);
  host.login.connect();
  const auto refused = host.answer<void>([&](auto done) { host.login.set_linger(true, false, done); });
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == Error{ErrorCode::not_supported, "There is no system bus"});
  CHECK(host.login.inhibit_delay_max() == 5s);
  Host::use_system_bus(host.bus->address());
  host.start_logind();
  host.wait_for_locks(1, 1);
  CHECK(host.login.inhibit_delay_max() == 7s);
}

TEST_CASE("A system bus that is lost is used again when it is back, and what was asked of it is answered") {
  Host host;
  host.connect();
  host.login.want_sleep_lock(true);
  host.wait_for_locks(1, 1);
  std::optional<Result<void>> pending;
  host.login.set_linger(true, false, [&](const Result<void>& result) { pending = result; });
  host.bus->stop();
  loop_until(host.loop, "the answer", [&] { return pending.has_value(); });
  CHECK_FALSE(*pending);
  host.logind.reset();
  host.bus = std::make_unique<PrivateBus>();
  Host::use_system_bus(host.bus->address());
  host.start_logind();
  host.wait_for_locks(1, 1);
}

}  // namespace
}  // namespace virtsession
