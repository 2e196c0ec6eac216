// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/libvirt_link.hpp"

#include "fakes/fake_hypervisor.hpp"
#include "fakes/fake_systemd.hpp"
#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "support/temporary_folder.hpp"
#include "systemd/user_manager.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

using namespace virtsession;
using namespace virtsession::test;

namespace {

const std::string kService = "virtsession-libvirtd.service";
const std::string kSocket = "virtsession-libvirtd.socket";

/// A link with everything real but libvirt and systemd.
struct LinkFixture {
  LinkFixture() {
    std::filesystem::create_directories(folder / "libvirt");
    std::ofstream(folder / "libvirt/libvirt-sock");
    bool connected = false;
    users.connect([&](const Result<void>& result) { connected = bool(result); });
    loop_until(loop, "the user manager", [&] { return connected; });
    systemd.manager.calls.clear();
  }

  FakeSystemd& manager() { return systemd.manager; }
  FakeHypervisor& libvirt() { return static_cast<FakeHypervisor&>(link.hypervisor()); }
  std::size_t count(const std::string& call) {
    return static_cast<std::size_t>(std::ranges::count(manager().calls, call));
  }
  void wait_for_call(const std::string& call, std::size_t times = 1) {
    loop_until(loop, call, [&] { return count(call) >= times; });
  }
  /// The unit's job ends, and libvirt answers until the connection is ready.
  void bring_up() {
    manager().finish_jobs(kService, "done");
    connect();
  }
  void connect() {
    loop_until(loop, "the connection to be opened", [&] { return libvirt().is_opening(); });
    libvirt().answer_open();
    CHECK(link.state() == LibvirtState::syncing);
    libvirt().answer_list();
    REQUIRE(link.state() == LibvirtState::ready);
  }
  void start() {
    link.start();
    wait_for_call("StartUnit " + kService + " replace");
    bring_up();
  }
  std::optional<Result<void>>& restart() {
    restarted.reset();
    link.restart("somebody", [this](const Result<void>& result) { restarted = result; });
    return restarted;
  }

  EventLoop loop;
  PrivateBus bus;
  TemporaryFolder folder;
  RunningSystemd systemd{loop, bus};
  std::unique_ptr<sdbus::IConnection> connection = bus.connect();
  BusSource source{loop, *connection, {}};
  UserManager users{loop, *connection};
  std::optional<StrayDaemon> stray;
  std::size_t lost = 0;
  std::vector<std::string> silences;
  std::optional<Result<void>> restarted;
  LibvirtUnit unit{loop, users, "libvirtd", folder.path(),
                   [this](const std::string&, const std::string&) { return stray; }};
  LibvirtLink link{loop,
                   [](ConnectionSink& sink) { return std::make_unique<FakeHypervisor>(sink); },
                   &unit,
                   "qemu:///session",
                   {.changed = [] {},
                    .lost = [this] { ++lost; },
                    .silent = [this](const Error& why) { silences.push_back(why.message); }},
                   [](const std::string& of, auto) { return "words of " + of; }};
};

}  // namespace

TEST_CASE("the way up: the unit is started, then libvirt is opened and its VMs are listed") {
  LinkFixture fixture;
  fixture.link.start();
  CHECK(fixture.link.state() == LibvirtState::starting_unit);
  fixture.wait_for_call("StartUnit " + kService + " replace");
  CHECK(fixture.libvirt().calls.empty());
  fixture.bring_up();
  // Whatever the client library would choose.
  const auto uri = "qemu:///session?socket=" + (fixture.folder / "libvirt/libvirt-sock").string();
  CHECK(fixture.libvirt().calls == std::vector<std::string>{"open " + uri, "list"});
  CHECK(fixture.link.managed_now());
  CHECK(fixture.link.version() == "9.0.0");
}

TEST_CASE("a socket whose file is gone listens anew before its daemon is started") {
  LinkFixture fixture;
  std::filesystem::remove(fixture.folder / "libvirt/libvirt-sock");
  fixture.link.start();
  fixture.wait_for_call("StopUnit " + kSocket + " replace");
  CHECK(fixture.count("StartUnit " + kService + " replace") == 0);
  fixture.manager().finish_jobs(kSocket, "done");
  fixture.wait_for_call("StartUnit " + kService + " replace");
  fixture.bring_up();
}

TEST_CASE("a daemon that hangs at its start is killed and started again, and the late end of the first is nothing") {
  LinkFixture fixture;
  fixture.link.start();
  fixture.wait_for_call("StartUnit " + kService + " replace");
  fixture.link.replace_hung("it does not answer");
  fixture.manager().finish_jobs(kService, "canceled");
  fixture.wait_for_call("KillUnit " + kService + " main 9");
  fixture.wait_for_call("RestartUnit " + kService + " replace");
  loop_until_idle(fixture.loop);
  CHECK(fixture.link.state() == LibvirtState::starting_unit);
  CHECK(fixture.libvirt().calls.empty());
  fixture.bring_up();
  CHECK(fixture.lost == 0);
}

TEST_CASE("a restart is answered when the connection is ready again, and asks the daemon in a friendly way") {
  LinkFixture fixture;
  fixture.start();
  const auto& answer = fixture.restart();
  CHECK(fixture.lost == 1);
  fixture.wait_for_call("RestartUnit " + kService + " replace");
  CHECK(fixture.count("KillUnit " + kService + " main 9") == 0);
  CHECK_FALSE(answer);
  fixture.bring_up();
  REQUIRE(answer);
  CHECK(bool(*answer));
}

TEST_CASE("a restart whose unit fails is answered with systemd's reason") {
  LinkFixture fixture;
  fixture.start();
  const auto& answer = fixture.restart();
  fixture.wait_for_call("RestartUnit " + kService + " replace");
  fixture.manager().finish_jobs(kService, "failed");
  loop_until(fixture.loop, "the answer", [&] { return answer.has_value(); });
  REQUIRE_FALSE(*answer);
  CHECK(answer->error().message.find(kService) != std::string::npos);
  CHECK(fixture.link.state() == LibvirtState::down);
}

TEST_CASE("a daemon that does not answer keep-alive is killed: it would not react to a friendly signal") {
  LinkFixture fixture;
  fixture.start();
  fixture.libvirt().lose(LostReason::keep_alive);
  CHECK(fixture.lost == 1);
  CHECK(fixture.link.state() == LibvirtState::starting_unit);
  fixture.wait_for_call("RestartUnit " + kService + " replace");
  const auto& calls = fixture.manager().calls;
  CHECK(std::ranges::find(calls, "KillUnit " + kService + " main 9") <
        std::ranges::find(calls, "RestartUnit " + kService + " replace"));
  CHECK(fixture.count("KillUnit " + kService + " main 9") == 1);
  fixture.bring_up();
}

TEST_CASE("a connection that is lost while the VMs are listed was never ready, and is tried again") {
  LinkFixture fixture;
  const auto& answer = fixture.restart();
  fixture.wait_for_call("RestartUnit " + kService + " replace");
  fixture.manager().finish_jobs(kService, "done");
  loop_until(fixture.loop, "the connection to be opened", [&] { return fixture.libvirt().is_opening(); });
  fixture.libvirt().answer_open();
  REQUIRE(fixture.libvirt().is_listing());
  fixture.libvirt().lose(LostReason::end_of_file);
  CHECK(fixture.link.state() == LibvirtState::down);
  CHECK(fixture.lost == 0);
  CHECK(fixture.libvirt().calls.back() == "close");
  REQUIRE(answer);
  CHECK_FALSE(*answer);
  fixture.wait_for_call("StartUnit " + kService + " replace");
  fixture.bring_up();
}

TEST_CASE("a connection that is lost while the VMs are listed once more is lost once") {
  LinkFixture fixture;
  fixture.start();
  fixture.link.relist();
  REQUIRE(fixture.libvirt().is_listing());
  fixture.libvirt().lose(LostReason::error);
  CHECK(fixture.lost == 1);
  fixture.wait_for_call("StartUnit " + kService + " replace", 2);
  fixture.bring_up();
  CHECK(fixture.lost == 1);
}

TEST_CASE("a stray daemon that will not end is used as it is where it can be reached, and is not restarted") {
  LinkFixture fixture;
  fixture.stray = StrayDaemon{0, "libvirtd", ""};
  fixture.link.start();
  fixture.connect();
  CHECK_FALSE(fixture.link.managed_now());
  CHECK(fixture.link.reason().find("supervising libvirtd (in a sandbox)") == 0);
  CHECK(fixture.count("StartUnit " + kService + " replace") == 0);
  const auto& answer = fixture.restart();
  REQUIRE(answer);
  REQUIRE_FALSE(*answer);
  CHECK(answer->error().code == ErrorCode::not_supported);
  CHECK(fixture.link.state() == LibvirtState::ready);
}

TEST_CASE("a stray daemon that will not end and cannot be reached either is what the reason names") {
  LinkFixture fixture;
  fixture.stray = StrayDaemon{0, "libvirtd", ""};
  auto listening = fixture.manager().unit(kSocket).status;
  listening.active_state = "active";
  fixture.manager().unit(kSocket).status = listening;
  fixture.link.start();
  loop_until(fixture.loop, "the failure", [&] { return fixture.link.state() == LibvirtState::down; });
  CHECK(fixture.link.reason().find(kService + " cannot start beside libvirtd (in a sandbox)") == 0);
  fixture.stray.reset();
  fixture.wait_for_call("StartUnit " + kService + " replace");
  fixture.bring_up();
  CHECK(fixture.link.managed_now());
}

TEST_CASE("while the user manager stops, the daemon is started alone, and no restart is asked for") {
  LinkFixture fixture;
  fixture.start();
  fixture.link.set_stopping(true);
  fixture.libvirt().lose(LostReason::keep_alive);
  fixture.wait_for_call("KillUnit " + kService + " main 9");
  fixture.wait_for_call("StartUnit " + kService + " ignore-dependencies");
  CHECK(fixture.count("RestartUnit " + kService + " replace") == 0);
  fixture.bring_up();
}

TEST_CASE("while the user manager stops, a daemon whose unit waits for its restart is stopped alone and then started") {
  LinkFixture fixture;
  fixture.start();
  fixture.link.set_stopping(true);
  auto& unit = fixture.manager().unit(kService);
  unit.change({.load_state = "loaded",
               .active_state = "activating",
               .sub_state = "auto-restart",
               .result = "signal",
               .main_pid = 0});
  fixture.libvirt().lose(LostReason::end_of_file);
  fixture.wait_for_call("StopUnit " + kService + " ignore-dependencies");
  CHECK(fixture.count("StartUnit " + kService + " ignore-dependencies") == 0);
  fixture.manager().finish_jobs(kService, "done");
  fixture.wait_for_call("StartUnit " + kService + " ignore-dependencies");
  fixture.bring_up();
}

TEST_CASE("another daemon is moved to") {
  LinkFixture fixture;
  std::ofstream(fixture.folder / "libvirt/virtqemud-sock");
  fixture.start();
  fixture.link.use_daemon("libvirtd");
  CHECK(fixture.lost == 0);
  fixture.link.use_daemon("virtqemud");
  CHECK(fixture.lost == 1);
  fixture.wait_for_call("StartUnit virtsession-virtqemud.service replace");
  fixture.manager().finish_jobs("virtsession-virtqemud.service", "done");
  fixture.connect();
}

TEST_CASE("a daemon that does not start is told with its last words, which are forgotten when it is there") {
  LinkFixture fixture;
  fixture.link.start();
  fixture.wait_for_call("StartUnit " + kService + " replace");
  fixture.manager().finish_jobs(kService, "failed");
  loop_until(fixture.loop, "the words", [&] { return fixture.link.reason().ends_with("words of " + kService); });
  CHECK(fixture.link.reason().find("; its last words: ") != std::string::npos);
  fixture.wait_for_call("StartUnit " + kService + " replace", 2);
  fixture.bring_up();
  CHECK(fixture.link.reason() == "connected");
}

TEST_CASE("a daemon that does not answer is told after five seconds, and nothing is lost when it goes on") {
  LinkFixture fixture;
  fixture.start();
  fixture.libvirt().answers_pings = false;
  fixture.link.set_awaited(true);
  loop_until(fixture.loop, "the silence", [&] { return fixture.link.state() == LibvirtState::not_answering; });
  loop_until(fixture.loop, "the word of it", [&] { return !fixture.silences.empty(); });
  CHECK(fixture.silences[0].starts_with("libvirt has not answered for 5 s"));
  CHECK(fixture.link.reason().starts_with("libvirt has not answered for "));
  fixture.libvirt().answer_ping();
  CHECK(fixture.link.state() == LibvirtState::ready);
  CHECK(fixture.link.reason() == "connected");
  CHECK(fixture.lost == 0);
  CHECK(fixture.silences.size() == 1);
}

TEST_CASE("the other daemon, in our own unit, is nobody's stray: its units are stopped, and this one is started") {
  LinkFixture fixture;
  std::ofstream(fixture.folder / "libvirt/virtqemud-sock");
  fixture.start();
  fixture.stray = StrayDaemon{getpid(), "libvirtd", kService};  // would be the end of this test, if it were ended
  fixture.link.use_daemon("virtqemud");
  CHECK(fixture.link.reason() == "changing from libvirtd to virtqemud, as the configuration says");
  fixture.wait_for_call("StopUnit " + kSocket + " replace");
  CHECK(fixture.count("StartUnit virtsession-virtqemud.service replace") == 0);
  fixture.stray.reset();
  fixture.manager().finish_jobs(kSocket, "done");
  fixture.wait_for_call("StartUnit virtsession-virtqemud.service replace");
  fixture.manager().finish_jobs("virtsession-virtqemud.service", "done");
  fixture.connect();
  CHECK(fixture.libvirt().calls[fixture.libvirt().calls.size() - 2].ends_with("/libvirt/virtqemud-sock"));
}

TEST_CASE("a stray daemon with folders of its own is used as it is, and not ended: its VMs would be lost to view") {
  LinkFixture fixture;
  fixture.stray = StrayDaemon{getpid(), "libvirtd", "session-3.scope", "XDG_CONFIG_HOME is /a, not /b"};
  fixture.link.start();
  fixture.connect();
  CHECK_FALSE(fixture.link.managed_now());
  CHECK(fixture.link.reason().find("XDG_CONFIG_HOME is /a, not /b") != std::string::npos);
  CHECK(fixture.count("StartUnit " + kService + " replace") == 0);
  CHECK(fixture.libvirt().calls[0] == "open qemu:///session");
}

TEST_CASE("a libvirt that is somebody else's is opened at once, and never restarted") {
  EventLoop loop;
  LibvirtLink link(loop, [](ConnectionSink& sink) { return std::make_unique<FakeHypervisor>(sink); }, nullptr,
                   "test:///default", {.changed = [] {}, .lost = [] {}});
  auto& libvirt = static_cast<FakeHypervisor&>(link.hypervisor());
  link.start();
  CHECK(libvirt.calls == std::vector<std::string>{"open test:///default"});
  libvirt.answer_open();
  libvirt.answer_list();
  CHECK(link.state() == LibvirtState::ready);
  std::optional<Result<void>> answer;
  link.restart("somebody", [&](const Result<void>& result) { answer = result; });
  REQUIRE(answer);
  CHECK(answer->error().code == ErrorCode::not_supported);
}
