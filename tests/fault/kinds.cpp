// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fault/kinds.hpp"

#include "e2e/odd_guests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace virtsession::test {
namespace {

using std::chrono::seconds;

/// For ten guests that boot at once on a busy machine.
constexpr seconds kAllUp{180};
/// From its boot or restore.
constexpr seconds kAsleep{40};
constexpr const char* kTransient = "transient";

/// When virtsessiond has said a text, in seconds; the last time from a place in its journal on; nothing when it has
/// not.
std::optional<double> time_of(const std::string& journal, std::size_t from, const std::string& text) {
  const auto at = journal.find(text, from);
  if (at == std::string::npos) return std::nullopt;
  const auto line = journal.rfind('\n', at);
  return std::stod(journal.substr(line == std::string::npos ? 0 : line + 1));
}

}  // namespace

Kinds::Kinds(Desktop& desktop) : desktop_(desktop) {
  const auto define = [&](DomainXml domain) { return desktop.define(std::move(domain)); };
  add("obeys its power button", define({.name = "obeying"}));
  add("ignores it", define({.name = "stubborn", .system = System::stubborn, .policy = R"({"stop_timeout_sec": 5})"}));
  add("needs 6 s to shut down", define({.name = "slow", .kernel_arguments = "guest.shutdown=6"}));
  add("boots, and does not see its button for 5 s", define({.name = "booting", .kernel_arguments = "guest.boot=5"}),
      false);
  add("is asleep, and sleeps on its button", define({.name = "asleep",
                                                     .kernel_arguments = "guest.sleeps",
                                                     .elements = "<pm><suspend-to-mem enabled='yes'/></pm>"}));
  before_login();
  add("is stuck: its disk is full", define({.name = "stuck", .kernel_arguments = "guest.fill", .disk = kSmallImage}));
  add("was paused by a person", define({.name = "paused"}));
  add("cannot be saved, which its policy wants",
      define_unsaveable(desktop, {.name = "unsaveable", .policy = R"({"stop_actions": ["save", "poweroff"]})"}, true));
  // Its definition is the file from which it is made at each login.
  add("is transient", define({.name = kTransient}), false);
  desktop.virsh({"undefine", kTransient});
  install_disk_server(desktop);
  add("has its disk from a user's unit, and writes last",
      define({.name = "dependent",
              .policy = R"({"after_units": [")" + kDiskServer + R"("]})",
              .kernel_arguments = "guest.shutdown=3 guest.writes",
              .devices = served_disk(desktop)}));
}

void Kinds::add(std::string what, Guest guest, bool marked) {
  if (marked) guest.set_autostart(true);
  kinds_.push_back({std::move(what), std::move(guest)});
}

const Guest& Kinds::guest(const std::string& name) const {
  for (const auto& kind : kinds_)
    if (kind.guest.name() == name) return kind.guest;
  throw std::logic_error("no guest " + name);
}

void Kinds::before_login() {
  std::error_code none;
  if (!std::filesystem::exists(desktop_.host().outside_path(kSmallImage), none)) mount_small(desktop_);
}

void Kinds::prepare(const std::function<void()>& wait) {
  const auto create = [&] { desktop_.virsh({"create", "/home/alice/" + std::string(kTransient) + ".xml"}); };
  create();
  for (const auto* name : {"obeying", "stubborn", "slow", "unsaveable", "dependent", kTransient})
    desktop_.wait_for(name, "Phase", "running", kAllUp);
  wait_until([&] { return !desktop_.text(kTransient, "Scope").empty(); }, kSoon, "the transient one has its scope");
  desktop_.wait_for("stuck", "Phase", "stuck", kAllUp);
  pause();
  put_to_sleep();
  wait();
  guest("booting").start();
  desktop_.wait_for("booting", "Phase", "running", kLong);
  for (auto& kind : kinds_) {
    kind.power_downs = kind.guest.count_on_console(kPowerDown);
    kind.destroyed = destroyed(kind.guest);
  }
}

void Kinds::pause() {
  const auto phase = [&] { return desktop_.text("paused", "Phase"); };
  wait_until([&] { return phase() == "running" || phase() == "paused"; }, kAllUp, "it is up");
  if (phase() == "running") {
    guest("paused").wait_ready();
    desktop_.virsh({"suspend", "paused"});
  }
  desktop_.wait_for("paused", "Phase", "paused");
}

/// A button that is pressed while it boots is lost, and one while it sleeps is refused.
///
/// Some wake-ups never end: SeaBIOS of QEMU 7.2 under TCG resets the machine over and over on its way up from ACPI S3.
/// No button reaches such a guest; a person would power it off. How often that was is printed.
void Kinds::put_to_sleep() {
  const auto& sleeper = guest("asleep");
  const auto is_asleep = [&] {
    if (desktop_.text("asleep", "Phase") == "asleep") return true;
    sleeper.virsh("shutdown");
    return false;
  };
  for (int tries = 0;; ++tries) {
    try {
      wait_until(is_asleep, kAsleep, "it is asleep", seconds(2));
      return;
    } catch (const TimedOut&) {
      if (tries == 3) throw;
    }
    ++never_woke_;
    std::cerr << "\"asleep\" does not react; it is " << sleeper.virsh("domstate", {"--reason"}).out << "\n"
              << desktop_.host().journal({"--output=short-precise", "--lines=12", "VIRTSESSION_VM=asleep"});
    sleeper.virsh("destroy");
    wait_until([&] { return sleeper.virsh("start").status == 0; }, kLong, "it is started anew", seconds(2));
  }
}

std::size_t Kinds::destroyed(const Guest& guest) const {
  const auto log =
      desktop_.host().read_file("/home/alice/.cache/libvirt/qemu/log/" + guest.name() + ".log").value_or("");
  const std::string word = "shutting down, reason=destroyed";
  std::size_t found = 0;
  for (auto at = log.find(word); at != std::string::npos; at = log.find(word, at + word.size())) ++found;
  return found;
}

void Kinds::count() {
  const auto journal = desktop_.host().journal({"--output=short-unix", "--lines=500", "_COMM=virtsessiond"});
  const auto begin = journal.rfind("because of the end of the session, within");
  const auto said = begin == std::string::npos ? std::string() : journal.substr(journal.rfind('\n', begin) + 1);
  for (auto& kind : kinds_) count(kind, said);
}

/// \param said by virtsessiond since the stop began
void Kinds::count(Kind& kind, const std::string& said) {
  const auto& name = kind.guest.name();
  auto& ends = kind.ends;
  std::error_code none;
  ++ends.runs;
  if (kind.guest.count_on_console(kPowerDown) > kind.power_downs) {
    ++ends.shut_down;
  } else if (std::filesystem::exists(
                 desktop_.host().disk_path("/home/alice/.config/libvirt/qemu/save/" + name + ".save"), none)) {
    ++ends.saved;
  } else {
    const bool off = destroyed(kind.guest) > kind.destroyed;
    ++(off ? ends.powered_off : ends.killed);
    problems_.push_back(fmt::format("\"{}\" was {}:\n{}", name, off ? "powered off" : "killed", said));
  }
  const auto begin = time_of(said, 0, "Stopping "), end = time_of(said, 0, "VM \"" + name + "\": inactive");
  if (begin && end) ends.longest_sec = std::max(ends.longest_sec, *end - *begin);
}

void Kinds::print(const std::string& title) const {
  std::cout << fmt::format("| {}: a guest that | runs | shut down | saved | powered off | killed | longest |\n", title)
            << "|---|---|---|---|---|---|---|\n";
  for (const auto& [what, guest, ends, power_downs, destroyed] : kinds_)
    std::cout << fmt::format("| {} | {} | {} | {} | {} | {} | {:.0f} s |\n", what, ends.runs, ends.shut_down,
                             ends.saved, ends.powered_off, ends.killed, ends.longest_sec);
  std::cout << fmt::format("\nThe one that sleeps did not come up from its sleep {} times.\n", never_woke_);
}

}  // namespace virtsession::test
