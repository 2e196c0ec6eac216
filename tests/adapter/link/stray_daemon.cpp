// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/stray_daemon.hpp"

#include "fake_daemon.hpp"
#include "fakes/fake_systemd.hpp"
#include "link/stray_daemon_ender.hpp"
#include "link/stray_logd.hpp"
#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>

using namespace virtsession;
using namespace virtsession::test;

namespace {

constexpr const char* kManaged = "virtsession-libvirtd.service";

struct StrayFixture {
  TemporaryFolder folder;
  EventLoop loop;

  std::filesystem::path lock(const std::string& name) const { return folder / "libvirt" / name; }
  std::optional<StrayDaemon> find(const std::string& managed = kManaged) const {
    return find_stray_daemon(folder.path(), managed);
  }
  Result<void> end(const StrayDaemon& daemon) {
    StrayDaemonEnder ender(loop);
    std::optional<Result<void>> answer;
    ender.end(daemon, [&](const Result<void>& result) { answer = result; });
    CHECK_FALSE(answer);
    loop_until(loop, "the end of the daemon", [&] { return answer.has_value(); });
    return *answer;
  }
};

}  // namespace

TEST_CASE("a daemon is found by its lock, on its own PID file or on that of the QEMU driver") {
  for (const auto& [program, file] : {std::pair("libvirtd", "libvirtd.pid"), std::pair("virtqemud", "virtqemud.pid"),
                                      std::pair("virtqemud", "qemu/run/driver.pid")}) {
    const StrayFixture fixture;
    CHECK_FALSE(fixture.find());
    const FakeDaemon daemon(fixture.folder.path(), program, fixture.lock(file));
    const auto found = fixture.find();
    REQUIRE(found);
    CHECK(found->pid == daemon.pid());
    CHECK(found->program == program);
    const auto who = std::string(program) + " (PID " + std::to_string(daemon.pid());
    CHECK(describe(*found).starts_with(who));
    CHECK_FALSE(find_stray_logd(fixture.folder.path()));
    // It is in the cgroup of this test, which counts as the managed unit's here.
    if (!found->unit.empty()) {
      CHECK(describe(*found) == who + ", in " + found->unit + ")");
      CHECK_FALSE(fixture.find(found->unit));
    }
  }
}

TEST_CASE("a PID file that nobody locks, and a lock of another program, are nobody's daemon") {
  const StrayFixture fixture;
  std::filesystem::create_directories(fixture.folder / "libvirt");
  std::ofstream(fixture.lock("libvirtd.pid")) << getpid();
  CHECK_FALSE(fixture.find());
  const FakeDaemon other(fixture.folder.path(), "backup", fixture.lock("virtqemud.pid"));
  CHECK_FALSE(fixture.find());
}

TEST_CASE("a daemon whose executable was replaced by an upgrade is still found") {
  const StrayFixture fixture;
  const FakeDaemon daemon(fixture.folder.path(), "libvirtd", fixture.lock("libvirtd.pid"));
  std::filesystem::remove(fixture.folder / "libvirtd");
  CHECK(fixture.find());
}

TEST_CASE("a daemon outside of our PID namespace is found without a PID, and cannot be ended") {
  REQUIRE(geteuid() == 0);
  StrayFixture fixture;
  const FakeDaemon daemon(fixture.folder.path(), "libvirtd", fixture.lock("libvirtd.pid"));
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWPID) != 0) _exit(1);
    const pid_t inside = fork();
    if (inside == 0) _exit(fixture.find() == StrayDaemon{0, "libvirtd", ""} ? 0 : 2);
    int status = 0;
    waitpid(inside, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);

  const StrayDaemon unseen{0, "libvirtd", ""};
  CHECK(describe(unseen) == "libvirtd (in a sandbox)");
  const auto result = fixture.end(unseen);
  REQUIRE(!result);
  CHECK(result.error().message == "it runs in a sandbox, out of reach");
}

TEST_CASE("a stray daemon is asked to end, and is gone when that is answered") {
  StrayFixture fixture;
  FakeDaemon daemon(fixture.folder.path(), "libvirtd", fixture.lock("libvirtd.pid"));
  CHECK(bool(fixture.end(*fixture.find())));
  CHECK_FALSE(fixture.find());
  CHECK(daemon.wait() == SIGTERM);
}

TEST_CASE("a stray daemon that does not end when asked is killed") {
  StrayFixture fixture;
  FakeDaemon daemon(fixture.folder.path(), "libvirtd", fixture.lock("libvirtd.pid"), {.ignores_sigterm = true});
  CHECK(bool(fixture.end(*fixture.find())));
  CHECK(daemon.wait() == SIGKILL);
}

TEST_CASE("a stray daemon that has ended meanwhile is as good as ended") {
  StrayFixture fixture;
  std::optional<StrayDaemon> found;
  {
    const FakeDaemon daemon(fixture.folder.path(), "libvirtd", fixture.lock("libvirtd.pid"));
    found = fixture.find();
  }
  CHECK(bool(fixture.end(*found)));
}

TEST_CASE("a process that may not be signalled is told with the reason") {
  REQUIRE(geteuid() == 0);
  // Somebody else's process, asked to end by nobody.
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65534) != 0) _exit(1);
    EventLoop loop;
    StrayDaemonEnder ender(loop);
    std::optional<Result<void>> answer;
    ender.end({getppid(), "libvirtd", ""}, [&](const Result<void>& result) { answer = result; });
    while (!answer) loop.run_once(std::chrono::seconds(1));
    _exit(!*answer && answer->error().message == "it cannot be signalled: Operation not permitted" ? 0 : 2);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("an answer is dropped when another call has taken its place") {
  StrayFixture fixture;
  FakeDaemon daemon(fixture.folder.path(), "libvirtd", fixture.lock("libvirtd.pid"));
  StrayDaemonEnder ender(fixture.loop);
  std::string answers;
  ender.end({0, "libvirtd", ""}, [&](const Result<void>&) { answers += "first"; });
  ender.end(*fixture.find(), [&](const Result<void>&) { answers += "second"; });
  loop_until(fixture.loop, "an answer", [&] { return !answers.empty(); });
  CHECK(answers == "second");
}

TEST_CASE("a stray virtlogd gets a scope of its own while it keeps a VM's log, and is killed when it keeps none") {
  StrayFixture fixture;
  PrivateBus bus;
  RunningSystemd systemd{fixture.loop, bus};
  const auto connection = bus.connect();
  BusSource source{fixture.loop, *connection, {}};
  UserManager users{fixture.loop, *connection};
  bool connected = false;
  users.connect([&](const Result<void>& result) { connected = bool(result); });
  loop_until(fixture.loop, "the user manager", [&] { return connected; });
  systemd.manager.result_before_reply = "done";
  FakeDaemon logd(fixture.folder.path(), "virtlogd", fixture.lock("virtlogd.pid"), {.log = fixture.folder / "vm.log"});
  REQUIRE(find_stray_logd(fixture.folder.path()));
  CHECK_FALSE(fixture.find());
  CHECK(keeps_logs(logd.pid()));
  StrayLogd stray_logd(fixture.loop, users, fixture.folder.path());
  const auto moved = "StartTransientUnit virtsession-virtlogd-" + std::to_string(logd.pid()) + ".scope fail";
  const auto moves = [&] { return std::ranges::count(systemd.manager.calls, moved); };
  stray_logd.look();
  loop_until(fixture.loop, "its scope", [&] { return moves() > 0; });
  CHECK_FALSE(logd.has_ended());
  logd.close_log();
  REQUIRE_FALSE(keeps_logs(logd.pid()));
  stray_logd.look();
  CHECK(moves() == 1);
  CHECK(logd.wait() == SIGKILL);  // SIGTERM would make the real one remove the file of its socket
}
