// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtsessiond stands on fails: folders are full or read-only, a home hangs, the bus is away, systemd and logind
// begin anew, no descriptor is left, the clock steps, and two hundred clients ask at once.
#include "fault/scene.hpp"
#include "fault/settings.hpp"
#include "support/hung_mount.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

using namespace virtsession;
using namespace virtsession::test;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kStateFolder = "/home/alice/.local/state/virtsession";

void mount_small(Scene& scene, const std::string& folder, const std::string& options) {
  scene.desktop.host().must_exec({"install", "-d", "-o", kUser, "-g", kUser, folder});
  scene.desktop.host().must_exec({"mount", "-t", "tmpfs", "-o", "mode=0777," + options, "tmpfs", folder});
}

/// A file system that hangs, over a folder inside the host, until it goes. A process of its own holds it, which has
/// joined the host's mounts.
class HungInside {
 public:
  HungInside(const Host& host, const std::string& folder) : host_(host), folder_(folder) {
    const auto mounts = "/proc/" + std::to_string(host.init_pid()) + "/ns/mnt";
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    holder_ = fork();
    if (holder_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int joined = open(mounts.c_str(), O_RDONLY | O_CLOEXEC);
      if (setns(joined, CLONE_NEWNS) != 0) _exit(1);
      try {
        const HungMount hung(folder);
        if (write(ready[1], "x", 1) == 1)
          while (true) pause();
      } catch (...) {
      }
      _exit(1);
    }
    close(ready[1]);
    char word = 0;
    const bool mounted = read(ready[0], &word, 1) == 1;
    close(ready[0]);
    REQUIRE_MESSAGE(mounted, "FUSE cannot be mounted here");
  }
  HungInside(const HungInside&) = delete;
  HungInside& operator=(const HungInside&) = delete;
  ~HungInside() {
    kill(holder_, SIGKILL);  // all that waits has its error now
    waitpid(holder_, nullptr, 0);
    host_.exec({"umount", "--lazy", folder_});
  }

 private:
  const Host& host_;
  std::string folder_;
  pid_t holder_ = -1;
};

/// All that a login does, with what has failed: stop, start, and once more after virtsessiond was killed.
void stop_and_start(Scene& scene) {
  auto& recorder = scene.recorder;
  for (const bool killed : {false, true}) {
    if (killed) {
      for (const auto& process : find_program(scene.desktop.host(), "virtsessiond")) kill(process.pid, SIGKILL);
      recorder.note("virtsessiond was killed");
      recorder.expect_truth();
    }
    recorder.allow_ends(true);
    scene.bus.send_to_manager("StopAll");
    recorder.expect(Wanted::down, kLong);
    scene.start_all();
  }
}

}  // namespace

TEST_CASE("folders that are full or read-only: VMs are stopped and started as ever") {
  Scene scene;
  scene.add_few();
  scene.start_all();
  for (const std::string options : {"size=4k", "ro"}) {
    scene.recorder.note("the state folder is " + options);
    mount_small(scene, kStateFolder, options);
    if (options != "ro") scene.desktop.host().exec({"dd", "if=/dev/zero", "of=" + kStateFolder + "/full", "bs=4k"});
    stop_and_start(scene);
    scene.desktop.host().must_exec({"umount", "--lazy", kStateFolder});
  }
  const auto runtime = "/run/user/" + std::to_string(scene.desktop.host().uid_of(kUser));
  scene.recorder.note("the runtime folder is full");
  scene.desktop.host().exec({"dd", "if=/dev/zero", "of=" + runtime + "/full", "bs=1M"});
  for (const auto& process : find_program(scene.desktop.host(), "virtsessiond")) kill(process.pid, SIGKILL);
  std::this_thread::sleep_for(seconds(3));
  scene.recorder.look();
  scene.desktop.host().must_exec({"rm", runtime + "/full"});
  scene.recorder.expect_truth();
  stop_and_start(scene);
  scene.finish();
}

TEST_CASE("a home that hangs: D-Bus answers, VMs run on, and all is true when it is back") {
  Scene scene;
  scene.add_few();
  scene.start_all();
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    scene.recorder.note("the home hangs");
    {
      const HungInside hung(scene.desktop.host(), "/home/alice");
      if (killed)
        for (const auto& process : find_program(scene.desktop.host(), "virtsessiond")) kill(process.pid, SIGKILL);
      for (const auto end = Clock::now() + seconds(8); Clock::now() < end;) {
        if (!killed) CHECK(scene.bus.ask(seconds(2)));
        for (const auto& process : processes_of_user(scene.desktop.host()))
          if (process.program == "virtsessiond" && killed) break;
        std::this_thread::sleep_for(milliseconds(200));
      }
    }
    scene.recorder.note("the home is back");
    scene.recorder.expect(Wanted::up, kLong);
  }
  scene.finish();
}

TEST_CASE("the bus is away, systemd and logind begin anew: VMs run on, and all is true afterwards") {
  Scene scene;
  scene.add_few();
  scene.start_all();
  const auto step = [&](const std::string& what, const std::function<void()>& happens) {
    scene.recorder.note(what);
    happens();
    scene.recorder.look();
    scene.recorder.expect(Wanted::up, kLong);
    std::cout << "| " << what << " | VMs ran on, D-Bus was true after "
              << fmt::format("{:.1f} s |\n", scene.recorder.last_until_true());
  };
  std::cout << "| what | what came of it |\n|---|---|\n";
  step("systemctl --user daemon-reexec", [&] { scene.desktop.systemctl({"daemon-reexec"}); });
  step("systemctl daemon-reexec", [&] { scene.desktop.host().must_exec({"systemctl", "daemon-reexec"}); });
  step("logind restarted", [&] { scene.desktop.host().must_exec({"systemctl", "restart", "systemd-logind"}); });
  step("the bus away for 8 s", [&] {
    scene.desktop.host().user(kUser, {"systemctl", "--user", "stop", "dbus.socket", "dbus.service"});
    std::this_thread::sleep_for(seconds(8));
    scene.recorder.look();
    scene.desktop.host().user(kUser, {"systemctl", "--user", "start", "dbus.socket"});
  });
  scene.finish();
}

TEST_CASE("no descriptor is left: virtsessiond lives, and all is true when there are some again") {
  Scene scene;
  scene.add_few();
  scene.start_all();
  const auto processes = find_program(scene.desktop.host(), "virtsessiond");
  REQUIRE(processes.size() == 1);
  const auto pid = processes.front().pid;
  std::error_code none;
  const auto open_now = std::distance(std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", none),
                                      std::filesystem::directory_iterator());
  // The user may lower the soft limit of their own process, and raise it again.
  const auto inside = std::to_string(scene.desktop.main_pid("virtsessiond.service"));
  const auto before = scene.desktop.run({"prlimit", "--pid", inside, "--nofile", "--output=SOFT", "--noheadings"});
  const auto limit = [&](const std::string& soft) {
    scene.desktop.run({"prlimit", "--pid", inside, "--nofile=" + soft + ":"});
  };
  limit(std::to_string(open_now));
  scene.recorder.note("no descriptor is left");
  scene.recorder.allow_ends(true);
  scene.bus.send_to_manager("StopAll");
  for (const auto end = Clock::now() + seconds(8); Clock::now() < end;) {
    CHECK(scene.bus.ask(seconds(2)));
    scene.recorder.look();
    std::this_thread::sleep_for(milliseconds(200));
  }
  CHECK(find_program(scene.desktop.host(), "virtsessiond").front().pid == pid);
  limit(before);
  scene.recorder.expect(Wanted::down, kLong);
  scene.start_all();
  scene.finish();
}

/// The clock of a throwaway host is the machine's, which tests leave alone: virtsessiond and libvirt's daemon get one
/// of their own (tests/fault/stepped_clock).
class Clocks {
 public:
  explicit Clocks(Desktop& desktop) : desktop_(desktop) {
    desktop_.host().put({VIRTSESSION_STEPPED_CLOCK}, kFolder);
    step(0);
    for (const auto& unit : {std::string("virtsessiond.service"), kLibvirtUnit})
      desktop_.host().write_file("/etc/systemd/user/" + unit + ".d/clock.conf",
                                 "[Service]\nEnvironment=STEPPED_CLOCK=" + kFile + " LD_PRELOAD=" + kFolder +
                                     std::filesystem::path(VIRTSESSION_STEPPED_CLOCK).filename().string() + "\n");
    desktop_.systemctl({"daemon-reload"});
    desktop_.systemctl({"restart", "virtsessiond.service", kLibvirtUnit});
  }

  /// To so many days from the machine's.
  void step(int days) { desktop_.host().write_file(kFile, std::to_string(days * 86400) + "\n"); }

 private:
  inline static const std::string kFolder = "/opt/clock/";
  inline static const std::string kFile = kFolder + "offset";
  Desktop& desktop_;
};

TEST_CASE("the clock steps: VMs run on, are restarted and stopped in their time, and what is shown has the new time") {
  Scene scene;
  Clocks clocks(scene.desktop);
  scene.add_few();
  scene.add({.name = "crashing",
             .system = System::none,
             .policy = R"({"stop_actions": ["poweroff"], "restart": "on-failure"})"},
            false);
  scene.start_all();
  const auto crashing = scene.bus.ask()->vms.at("crashing").path;
  const auto days_off = [&] {  // of the last change that virtsessiond has seen
    const auto answer = scene.desktop.run({"busctl", "--user", "get-property", "org.virtsession.Supervisor1", crashing,
                                           "org.virtsession.Supervisor1.VM", "PhaseSinceUSec"});
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto off = std::chrono::microseconds(std::stoll(answer.substr(2))) - now;
    return std::chrono::round<std::chrono::days>(off).count();
  };
  std::cout << "| the clock steps | VMs ran on, D-Bus was true after | a crashed one was up again after | all were off "
               "after |\n|---|---|---|---|\n";
  for (const int days : {1, -30, 365}) {
    CAPTURE(days);
    scene.recorder.note(fmt::format("the clock is off by {} days", days));
    clocks.step(days);
    scene.recorder.expect(Wanted::up, kLong);
    const auto until_true = scene.recorder.last_until_true();
    scene.recorder.note("a QEMU crashes");
    scene.recorder.allow_ends(true);
    const auto crashed = Clock::now();
    for (const auto& process : processes_of_user(scene.desktop.host()))
      if (process.guest == "crashing") kill(process.pid, SIGSEGV);
    wait_until([&] { return days_off() == days; }, kSoon, "its phase is of the new time");
    scene.recorder.expect(Wanted::up, kSoon);
    const auto until_up = std::chrono::duration<double>(Clock::now() - crashed).count();
    scene.recorder.note("StopAll, and the clock steps while it is under way");
    const auto stopping = Clock::now();
    scene.bus.send_to_manager("StopAll");
    clocks.step(0);
    scene.recorder.expect(Wanted::down, kLong);
    const auto until_down = std::chrono::duration<double>(Clock::now() - stopping).count();
    scene.start_all();
    std::cout << fmt::format("| to {:+} days | {:.1f} s | {:.0f} s | {:.0f} s |\n", days, until_true, until_up,
                             until_down);
  }
  scene.finish();
}

TEST_CASE("200 clients: each is answered, and D-Bus is true meanwhile") {
  Scene scene;
  scene.add_few();
  scene.start_all();
  const auto time = seconds(setting("FAULT_CLIENTS_SEC", 5, 60));
  constexpr int kThreads = 4, kEach = 50;
  std::atomic<int> answers = 0, failures = 0;
  std::atomic<std::int64_t> longest_ms = 0;
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&] {
      std::vector<std::unique_ptr<SessionBus>> clients;
      for (int i = 0; i < kEach; ++i) clients.push_back(std::make_unique<SessionBus>(scene.desktop.host()));
      while (!over)
        for (auto& client : clients) {
          const auto asked = Clock::now();
          client->ask(seconds(10)) ? ++answers : ++failures;
          const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - asked).count();
          for (auto longest = longest_ms.load(); took > longest && !longest_ms.compare_exchange_weak(longest, took);) {
          }
        }
    });
  for (const auto end = Clock::now() + time; Clock::now() < end; std::this_thread::sleep_for(milliseconds(500)))
    scene.recorder.expect_truth();
  over = true;
  for (auto& thread : threads) thread.join();
  std::cout << fmt::format("| {} clients for {} s | {} answers, {} failures, {} ms at most |\n", kThreads * kEach,
                           time.count(), answers.load(), failures.load(), longest_ms.load());
  CHECK(failures == 0);
  CHECK(answers > kThreads * kEach);
  scene.finish();
}
