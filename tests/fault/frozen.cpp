// SPDX-License-Identifier: LGPL-2.1-or-later
// What keeps VMs, and one of the QEMUs, stands still for a while: SIGSTOP. The bus answers meanwhile, unless it is what
// stands still or virtsessiond is, nothing is lost, and all is true again afterwards.
#include "fault/scene.hpp"
#include "fault/settings.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <iostream>
#include <thread>

using namespace virtsession;
using namespace virtsession::test;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Freezes processes until it goes.
class Frozen {
 public:
  explicit Frozen(std::vector<Process> processes) : processes_(std::move(processes)) {
    for (const auto& process : processes_) kill(process.pid, SIGSTOP);
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;
  ~Frozen() {
    for (const auto& process : processes_) kill(process.pid, SIGCONT);
  }

 private:
  std::vector<Process> processes_;
};

/// How long D-Bus took at most to answer in this time.
double longest_answer(Scene& scene, seconds time) {
  double longest = 0;
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    const auto asked = Clock::now();
    const bool answered = scene.bus.ask(seconds(10)).has_value();
    longest = std::max(longest, answered ? std::chrono::duration<double>(Clock::now() - asked).count() : 10);
    scene.recorder.look();
    std::this_thread::sleep_for(milliseconds(200));
  }
  return longest;
}

std::vector<Process> qemu_of(const Host& host, const std::string& guest) {
  auto all = processes_of_user(host);
  std::erase_if(all, [&](const auto& process) { return process.guest != guest; });
  return all;
}

}  // namespace

TEST_CASE("SIGSTOP: while one stands still the others go on, and all is true when it is back") {
  Scene scene;
  scene.add_few();
  scene.start_all();
  std::cout << "| stands still | for | D-Bus answered within | true again after |\n|---|---|---|---|\n";
  const auto longest = setting("FAULT_FREEZE_SEC", 5, 120);
  for (const int time : {5, 30, 120}) {
    if (time > longest) break;
    for (const std::string& program : {kLibvirtDaemon, std::string("virtlogd"), std::string("QEMU of \"guest\""),
                                       std::string("virtsessiond"), std::string("dbus-daemon")}) {
      CAPTURE(program);
      CAPTURE(time);
      const bool is_qemu = program.starts_with("QEMU");
      const auto processes =
          is_qemu ? qemu_of(scene.desktop.host(), "guest") : find_program(scene.desktop.host(), program);
      REQUIRE(processes.size() == 1);
      scene.recorder.note(fmt::format("{} stands still for {} s", program, time));
      std::string answered = "-";
      {
        const Frozen frozen(processes);
        if (program == "virtsessiond" || program == "dbus-daemon") {
          for (int tenths = 0; tenths < time * 10; ++tenths, std::this_thread::sleep_for(milliseconds(100)))
            scene.recorder.look();
        } else {
          const auto took = longest_answer(scene, seconds(time));
          CHECK(took < 2);
          answered = fmt::format("{:.2f} s", took);
        }
      }
      scene.recorder.note(program + " goes on");
      scene.recorder.expect_truth();
      scene.recorder.expect(Wanted::up, kLong);
      std::cout << fmt::format("| {} | {} s | {} | {:.1f} s |\n", program, time, answered,
                               scene.recorder.last_until_true());
    }
  }
  scene.finish();
}
