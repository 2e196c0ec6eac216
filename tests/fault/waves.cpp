// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests with much memory on a slow disk, one after the other within one budget: how each ends beside what PlanStop has
// said. Each has 1 GiB of memory that cannot be left out, and a save is written at 25 MB/s, which takes as long as 4
// GiB at 100 MB/s. In place of a slow disk stands a slow program that libvirt writes saves with.
#include "e2e/desktop.hpp"
#include "fault/settings.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <optional>

using namespace virtsession;
using namespace virtsession::test;

namespace {

using std::chrono::seconds;

constexpr int kMemoryMib = 1024;
/// What is left of it for the guest to fill.
constexpr int kDirtyMib = 880;
/// To boot and fill its memory on a busy machine.
constexpr seconds kFilled{180};

struct WaveGuest {
  std::string name;
  System system = System::stubborn;
  bool saved = false;  ///< that is how it is to end; else it is to shut down
};

/// Writes a save as fast as the slow disk would, and reads it as fast as this machine can.
constexpr const char* kSlowProgram = R"(#!/usr/bin/python3
import shutil, sys, time
source, sink = sys.stdin.buffer, sys.stdout.buffer
if "-dc" in sys.argv or "-d" in sys.argv:
    shutil.copyfileobj(source, sink, 1 << 20)
else:
    begin, written = time.monotonic(), 0
    while block := source.read(1 << 18):
        sink.write(block)
        written += len(block)
        time.sleep(max(0, begin + written / 25e6 - time.monotonic()))
)";

class Waves {
 public:
  explicit Waves(std::vector<WaveGuest> guests) : wanted_(std::move(guests)) {
    desktop_.host().write_file("/usr/local/bin/lzop", kSlowProgram);
    desktop_.host().must_exec({"chmod", "755", "/usr/local/bin/lzop"});
    desktop_.host().must_exec({"rm", "-f", "/usr/bin/lzop"});
    desktop_.host().must_exec({"ln", "-s", "/usr/local/bin/lzop", "/usr/bin/lzop"});
    desktop_.host().add_user(kUser);
    desktop_.host().write_file("/home/alice/.config/libvirt/qemu.conf", "save_image_format = \"lzop\"\n", kUser);
    desktop_.login();
    std::string before;
    for (const auto& wanted : wanted_) {
      guests_.push_back(desktop_.define({.name = wanted.name,
                                         .system = wanted.system,
                                         .policy = before.empty() ? "" : R"({"start_after": [")" + before + R"("]})",
                                         .kernel_arguments = fmt::format("guest.dirty={}", kDirtyMib),
                                         .memory_mib = kMemoryMib}));
      before = wanted.name;
      note_progress();
    }
    for (const auto& guest : guests_) guest.start();
    for (const auto& guest : guests_) guest.wait_for_console("guest ready: " + guest.name(), kFilled);
  }

  /// Each is saved once and started again, so that it is known how long that takes.
  void save_once() {
    for (const auto& guest : guests_) {
      note_progress();
      desktop_.run({"virtsessionctl", "save", guest.name()});
      guest.start();
      desktop_.wait_for(guest.name(), "Phase", "running", kLong);
    }
  }

  void stop_and_print(const std::string& title) {
    note_progress();
    std::map<std::string, std::pair<std::uint32_t, std::string>> plan;
    for (const auto& step : desktop_.api().manager().PlanStop({}))
      plan[std::get<2>(step)] = {std::get<0>(step), std::get<4>(step)};
    std::map<std::string, std::size_t> power_downs;
    for (const auto& guest : guests_) power_downs[guest.name()] = guest.count_on_console(kPowerDown);
    desktop_.logout();
    const auto journal = desktop_.host().journal({"--output=short-unix", "--lines=200", "_COMM=virtsessiond"});
    std::cout << "| " << title << ": guest | wave | PlanStop | how it ended | seconds after the begin |\n"
              << "|---|---|---|---|---|\n";
    for (std::size_t i = guests_.size(); i-- > 0;) {
      const auto& guest = guests_[i];
      std::error_code none;
      const bool saved = std::filesystem::exists(
          desktop_.host().disk_path("/home/alice/.config/libvirt/qemu/save/" + guest.name() + ".save"), none);
      const bool shut_down = guest.count_on_console(kPowerDown) > power_downs[guest.name()];
      const auto begin = time_of(journal, "because of the end of the session, within");
      const auto end = time_of(journal, "VM \"" + guest.name() + "\": inactive");
      std::cout << fmt::format("| {} | {} | {} | {} | {} |\n", guest.name(), plan[guest.name()].first,
                               plan[guest.name()].second,
                               shut_down ? "shut down"
                               : saved   ? "saved"
                                         : "powered off",
                               begin && end ? fmt::format("{:.0f}", *end - *begin) : "-");
      CAPTURE(guest.name());
      CAPTURE(journal);
      CHECK((shut_down || saved));
      if (!wanted_[i].saved) CHECK(shut_down);
    }
  }

 private:
  /// Of the last line with a text, in seconds.
  static std::optional<double> time_of(const std::string& journal, const std::string& text) {
    const auto at = journal.rfind(text);
    if (at == std::string::npos) return std::nullopt;
    const auto line = journal.rfind('\n', at);
    return std::stod(journal.substr(line == std::string::npos ? 0 : line + 1));
  }

  Desktop desktop_;
  std::vector<WaveGuest> wanted_;
  std::vector<Guest> guests_;
};

}  // namespace

TEST_CASE("three waves on a slow disk: two are saved in the time that the first, which obeys, has left") {
  for (const bool known : {false, true}) {
    Waves waves({{.name = "last", .saved = true},
                 {.name = "middle", .saved = true},
                 {.name = "first", .system = System::obedient}});
    if (known) waves.save_once();
    waves.stop_and_print(known ? "a save was seen before" : "no save was seen before");
  }
}
