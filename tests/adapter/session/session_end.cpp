// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/session_end.hpp"

#include "core/stop_plan.hpp"
#include "core/supervisor.hpp"
#include "fakes/fake_logind.hpp"
#include "fakes/fake_systemd.hpp"
#include "fakes/notify_socket.hpp"
#include "session/state_files.hpp"
#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace virtsession;
using namespace virtsession::test;
using namespace std::chrono_literals;

namespace {

/// A user's session: its manager, whose loop a test may hold up, and the system's logind and manager.
struct Session {
  Session() {
    setenv("DBUS_SYSTEM_BUS_ADDRESS", system_bus.address().c_str(), 1);
    system_manager.manager.unit("user@" + std::to_string(getuid()) + ".service").stop_timeout_usec = 100'000'000;
    manager.unit("virtsessiond.service").stop_timeout_usec = 60'000'000;
    sdbus_compat::request_name(*manager_connection, "org.freedesktop.systemd1");
    bool connected = false;
    users.connect([&](const Result<void>& result) { connected = bool(result); });
    login.connect();
    loop_until(loop, "the managers", [&] { return connected && login.inhibit_delay_max() == 7s; });
  }
  ~Session() { setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1); }

  /// The manager takes no more calls, and its bus connection stays.
  void silence_manager() { manager_source.reset(); }
  void wake_manager() { manager_source.emplace(loop, *manager_connection, BusSource::Lost{}); }
  bool heard(const std::string& text) {
    for (const auto& sent : socket.received()) told.push_back(sent);
    return std::ranges::find(told, text) != told.end();
  }

  EventLoop loop;
  PrivateBus bus;
  PrivateBus system_bus;
  TemporaryFolder folder;
  NotifySocket socket;
  std::vector<std::string> told;
  RunningSystemd system_manager{loop, system_bus};
  RunningLogind logind{loop, system_bus};
  std::unique_ptr<sdbus::IConnection> manager_connection = bus.connect();
  std::optional<BusSource> manager_source{std::in_place, loop, *manager_connection, BusSource::Lost{}};
  FakeSystemd manager{loop, *manager_connection};
  std::unique_ptr<sdbus::IConnection> connection = bus.connect();
  BusSource source{loop, *connection, {}};
  UserManager users{loop, *connection};
  PathWatcher paths{loop};
  LoginManager login{loop, paths, getuid(), folder / "linger"};
  Notify notify;
  std::size_t restarts = 0;
  std::vector<SessionEnd::Time> ends;
  SessionEnd end{loop,
                 users,
                 login,
                 notify,
                 {.budget_changed = [] {},
                  .restart = [this] { ++restarts; },
                  .end = [this](SessionEnd::Time deadline) { ends.push_back(deadline); },
                  .status = [] { return std::string("stopping 2 VMs"); }}};
};

/// Where state files lie while it lives.
struct StateFolders {
  StateFolders() {
    std::filesystem::create_directories(folder / "run");
    setenv("XDG_RUNTIME_DIR", (folder / "run").c_str(), 1);
    setenv("XDG_STATE_HOME", (folder / "state").c_str(), 1);
  }
  ~StateFolders() {
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_STATE_HOME");
  }
  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("A SIGTERM while the user manager goes on is a restart: VMs are left alone") {
  Session session;
  session.end.on_terminate();
  loop_until(session.loop, "the decision", [&] { return session.restarts > 0; });
  CHECK(session.restarts == 1);
  CHECK(session.ends.empty());
  CHECK(session.heard("STOPPING=1"));
}

TEST_CASE("A SIGTERM while the user manager stops is the end of the session, with what systemd gives as its time") {
  Session session;
  session.manager.state = "stopping";
  session.end.read_budget();
  loop_until(session.loop, "the budget", [&] { return session.end.budget() == stop_budget(60s, 100s); });
  session.end.on_terminate();
  session.end.on_terminate();
  const auto before = EventLoop::Clock::now();
  loop_until(session.loop, "the decision", [&] { return !session.ends.empty(); });
  session.end.on_terminate();
  loop_until_idle(session.loop);
  REQUIRE(session.ends.size() == 1);
  CHECK(session.restarts == 0);
  CHECK(session.ends[0] >= before + stop_budget(60s, 100s));
  CHECK(session.ends[0] <= EventLoop::Clock::now() + stop_budget(60s, 100s));
  CHECK(session.heard("STATUS=stopping 2 VMs"));
  CHECK(session.heard("EXTEND_TIMEOUT_USEC=10000000"));
}

TEST_CASE("A user manager that is silent counts as one that goes on, also when it speaks up later") {
  Session session;
  session.manager.state = "stopping";
  session.silence_manager();
  session.end.on_terminate();
  loop_until(session.loop, "the decision", [&] { return session.restarts > 0; });
  session.wake_manager();
  bool asked = false;
  session.users.system_state([&](const Result<std::string>& state) { asked = state && *state == "stopping"; });
  loop_until(session.loop, "an answer of the manager", [&] { return asked; });
  loop_until_idle(session.loop);
  CHECK(session.restarts == 1);
  CHECK(session.ends.empty());
}

TEST_CASE("A stop that an instance before left goes on until the deadline that one had, whatever a SIGTERM says") {
  const StateFolders folders;
  constexpr auto kUuid = "00000000-0000-0000-0000-000000000001";
  const Moment begun{EventLoop::Clock::now(), 1};
  const auto deadline = std::chrono::time_point_cast<std::chrono::microseconds>(begun.steady + 40s);
  {
    Supervisor before({}, StateFiles().load(), 1);
    DomainSnapshot domain;
    domain.uuid = kUuid;
    domain.name = "a";
    domain.state = DomainState::running;
    domain.id = 1;
    domain.persistent = true;
    before.on_listed({domain}, begun);
    before.on_session_end(deadline, begun);
    REQUIRE_FALSE(before.session_over());
    StateFiles().save(before.kept_state());
  }
  const auto kept = StateFiles().load();
  REQUIRE(Supervisor::is_in_stop(kept));
  const Supervisor supervisor({}, kept, 1);
  REQUIRE(supervisor.session_end());

  Session session;
  session.end.resume(*supervisor.session_end());
  session.end.on_terminate();
  loop_until_idle(session.loop);
  CHECK(session.ends == std::vector<SessionEnd::Time>{deadline});
  CHECK(session.restarts == 0);
  CHECK(session.heard("STATUS=stopping 2 VMs"));
  CHECK(session.heard("EXTEND_TIMEOUT_USEC=10000000"));
}

TEST_CASE("A stop whose deadline has passed asks systemd for no more time") {
  Session session;
  session.end.resume(EventLoop::Clock::now() - 1s);
  CHECK(session.heard("STATUS=stopping 2 VMs"));
  CHECK_FALSE(session.heard("EXTEND_TIMEOUT_USEC=10000000"));
}
