// SPDX-License-Identifier: LGPL-2.1-or-later
// SIGKILLs at random moments of starts, stops and logouts, to what keeps VMs: libvirt's daemon, virtsessiond, the log
// daemon and the user's bus, one or several at once. FAULT_KILLS=N, FAULT_SEED=N.
#include "fault/scene.hpp"
#include "fault/settings.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

using namespace virtsession;
using namespace virtsession::test;

namespace {

using std::chrono::milliseconds;

struct Counts {
  std::map<std::string, int> kills;    ///< by program
  std::map<std::string, int> moments;  ///< by what was under way
  int bursts = 0, together = 0, all = 0;
};

class Killer {
 public:
  Killer(std::uint32_t seed, int wanted) : random_(seed), wanted_(wanted) {
    // Their own brakes would end sockets for good: nobody kills this often but a test.
    for (const char* unit : {"dbus.service", "dbus.socket"})
      scene_.desktop.host().write_file(std::string("/etc/systemd/user/") + unit + ".d/often.conf",
                                       std::string(unit).ends_with("socket") ? "[Socket]\nTriggerLimitIntervalSec=0\n"
                                                                             : "[Unit]\nStartLimitIntervalSec=0\n");
    scene_.desktop.systemctl({"daemon-reload"});
    define();
  }

  void run() {
    while (counts_.all < wanted_ && recorder().problems().size() < 5) {
      round();
      std::cerr << fmt::format("kill {} of {}: {} problems, D-Bus true after {:.1f} s at most\n", counts_.all, wanted_,
                               recorder().problems().size(), recorder().longest_until_true());
    }
    recorder().allow_ends(true);
    scene_.bus.send_to_manager("StopAll");
    recorder().expect(Wanted::down, kLong);
  }

  const Counts& counts() const { return counts_; }
  Recorder& recorder() { return scene_.recorder; }

 private:
  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  bool chance(int percent) { return pick(100) < percent; }

  void define() {
    const auto add = [&](DomainXml domain, bool shuts_down) { scene_.add(std::move(domain), shuts_down); };
    const auto off = R"({"stop_actions": ["poweroff"]})";
    add({.name = "bare1", .system = System::none, .policy = off}, false);
    add({.name = "bare2", .system = System::none, .policy = R"({"start_order": 1, "stop_actions": ["poweroff"]})"},
        false);
    add({.name = "kept", .system = System::none, .policy = R"({"stop_actions": ["save"]})"}, true);
    add({.name = "db"}, true);
    add({.name = "web", .policy = R"({"start_after": ["db"]})"}, true);
    add({.name = "stubborn",
         .system = System::stubborn,
         .policy = R"({"stop_timeout_sec": 4, "stop_actions": ["shutdown", "save"]})"},
        true);
  }

  /// One to four at once, at a moment of what is under way.
  void burst(const std::string& moment, int longest_wait_ms) {
    wait(milliseconds(pick(longest_wait_ms)));
    static const std::vector<std::string> programs{kLibvirtDaemon, "virtsessiond", "virtlogd", "dbus-daemon"};
    std::set<std::string> victims{programs[static_cast<std::size_t>(pick(4))]};
    while (chance(35)) victims.insert(programs[static_cast<std::size_t>(pick(4))]);
    ++counts_.bursts;
    if (victims.size() > 1) ++counts_.together;
    std::string said;
    for (const auto& program : victims) {
      for (const auto& process : find_program(scene_.desktop.host(), program)) {
        if (program == "virtlogd") recorder().lose_consoles();
        if (kill(process.pid, SIGKILL) != 0) continue;
        ++counts_.kills[program];
        ++counts_.moments[moment];
        ++counts_.all;
        said += " " + program;
      }
    }
    recorder().note(moment + ": killed" + (said.empty() ? " nothing" : said));
    recorder().look();
  }

  void wait(milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      recorder().look();
      std::this_thread::sleep_for(milliseconds(20));
    }
  }

  /// A daemon that is started so often waits for half a minute, and its clients are refused meanwhile.
  void release_brakes() {
    const auto& host = scene_.desktop.host();
    const auto folder = host.outside_path("/run/user/" + std::to_string(host.uid_of(kUser)) + "/virtsession/");
    for (const auto& program : {kLibvirtDaemon, std::string("virtlogd"), std::string("virtsessiond")})
      std::filesystem::remove(folder / (program + ".starts"));
  }

  void round() {
    release_brakes();
    up();
    if (chance(30)) {
      burst("nothing", 500);
      recorder().expect(Wanted::up, kLong);
    }
    recorder().allow_ends(true);
    chance(70) ? stop_all() : log_out();
  }

  void up() {
    recorder().allow_ends(false);
    recorder().note("starts");
    scene_.bus.send_to_manager("Autostart");
    for (auto bursts = pick(3); bursts > 0; --bursts) {
      burst("starts", 2500);
      if (chance(60)) recorder().expect_truth();
    }
    recorder().expect_truth();
    // What was asked for may have been lost with who was asked, and is asked for again.
    scene_.bus.send_to_manager("Autostart");
    recorder().expect(Wanted::up, kLong);
  }

  void stop_all() {
    recorder().note("StopAll");
    const bool sent = scene_.bus.send_to_manager("StopAll");
    for (auto bursts = 1 + pick(3); bursts > 0; --bursts) {
      burst("StopAll", 3000);
      if (chance(40)) recorder().expect_truth();
    }
    recorder().expect_truth();
    if (!sent) scene_.bus.send_to_manager("StopAll");
    recorder().expect(Wanted::down, kLong);
  }

  void log_out() {
    recorder().note("logout");
    scene_.bus.disconnect();
    scene_.desktop.host().logout(kUser);
    for (auto bursts = 1 + pick(2); bursts > 0; --bursts) burst("logout", 4000);
    const auto stopped = [&] {
      recorder().look();
      return processes_of_user(scene_.desktop.host()).empty();
    };
    wait_until(stopped, std::chrono::seconds(130), "the user manager has stopped");
    scene_.desktop.host().wait_user_stopped(kUser);
    recorder().expect_nothing();
    recorder().allow_ends(false);
    recorder().note("login");
    scene_.log_in();
  }

  std::mt19937 random_;
  int wanted_;
  Scene scene_;
  Counts counts_;
};

std::string list(const std::map<std::string, int>& counts) {
  std::string text;
  for (const auto& [what, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  return text;
}

}  // namespace

TEST_CASE("SIGKILLs at random moments: no QEMU is lost or there twice, and D-Bus is true within two seconds") {
  const auto seed = setting("FAULT_SEED", 1, 1);
  std::cerr << "FAULT_SEED=" << seed << "\n";
  Killer killer(static_cast<std::uint32_t>(seed), setting("FAULT_KILLS", 20, 500));
  killer.run();
  auto& recorder = killer.recorder();
  const auto& counts = killer.counts();
  const auto ends = recorder.ends();
  const std::vector<std::pair<std::string, std::string>> table{
      {"kills", fmt::format("{} ({})", counts.all, list(counts.kills))},
      {"in the middle of", list(counts.moments)},
      {"several at once", fmt::format("{} of {} times", counts.together, counts.bursts)},
      {"runs of QEMU", fmt::format("{}: {} shut down, {} saved, {} powered off by policy", ends.runs, ends.shut_down,
                                   ends.saved, ends.powered_off)},
      {"libvirt's daemon killed while it started QEMU", std::to_string(ends.cut_off)},
      {"off, with a console that virtlogd had dropped", std::to_string(ends.unseen)},
      {"killed or lost, or there twice", std::to_string(ends.killed)},
      {"systemd's user manager itself hung", fmt::format("{} times", recorder.manager_hangs())},
      {"comparisons", std::to_string(recorder.comparisons())},
      {"D-Bus true after the services are back, at most", fmt::format("{:.1f} s", recorder.longest_until_true())},
      {"problems", std::to_string(recorder.problems().size())},
  };
  std::cout << "| SIGKILLs, seed " << seed << " | |\n|---|---|\n";
  for (const auto& [what, value] : table) std::cout << "| " << what << " | " << value << " |\n";
  for (const auto& problem : recorder.problems()) FAIL_CHECK(problem);
}
