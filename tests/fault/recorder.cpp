// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fault/recorder.hpp"

#include "fault/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <thread>

namespace virtsession::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

/// libvirt asks the log daemon for a console first, and starts QEMU then.
constexpr seconds kBetweenConsoleAndQemu{3};

/// As `virsh list` says it, in the words of D-Bus.
std::string state_of(const std::string& virsh) {
  static const std::map<std::string, std::string> words{
      {"idle", "blocked"}, {"in shutdown", "in-shutdown"}, {"shut off", "shut-off"}, {"pmsuspended", "pm-suspended"}};
  const auto word = words.find(virsh);
  return word == words.end() ? virsh : word->second;
}

/// Name to state of every line " ID  NAME  STATE" with names of one word.
std::map<std::string, std::string> states_of(const std::string& list) {
  std::map<std::string, std::string> states;
  std::istringstream lines(list);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id, name, state;
    words >> id >> name >> std::ws;
    std::getline(words, state);
    state.erase(state.find_last_not_of(' ') + 1);
    if (!name.empty()) states[name] = state_of(state);
  }
  return states;
}

bool is_off(const std::string& state) { return state == "shut-off" || state == "crashed"; }

bool is_phase_of_rest(const std::string& phase) {
  static const std::set<std::string> rest{"inactive", "running", "gave-up", "paused", "asleep", "stuck"};
  return rest.contains(phase);
}

std::string save_file(const std::string& name) { return "/home/alice/.config/libvirt/qemu/save/" + name + ".save"; }

}  // namespace

Ends& Ends::operator+=(const Ends& other) {
  runs += other.runs;
  shut_down += other.shut_down;
  saved += other.saved;
  powered_off += other.powered_off;
  cut_off += other.cut_off;
  unseen += other.unseen;
  killed += other.killed;
  return *this;
}

void Recorder::watch(const Guest& guest, bool shuts_down) { watched_[guest.name()] = {&guest, shuts_down}; }

void Recorder::note(const std::string& step) {
  note_progress();
  const auto now = std::chrono::system_clock::now();
  const auto whole = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  localtime_r(&whole, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%T", &parts);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  steps_.push_back(fmt::format("{}.{:03} {}", text, ms, step));
}

std::string Recorder::steps() const {
  std::string text;
  for (auto step = steps_.size() > 40 ? steps_.end() - 40 : steps_.begin(); step != steps_.end(); ++step)
    text += *step + "\n";
  return text;
}

void Recorder::problem(const std::string& text) {
  note("PROBLEM: " + text);
  problems_.push_back(text);
  std::cerr << "== " << text << "\n" << steps();
  if (problems_.size() > 3) return;  // what follows has the same cause, as a rule
  const auto user = "_UID=" + std::to_string(desktop_.host().uid_of(kUser));
  std::cerr << desktop_.host().journal({"--boot=0", "--lines=120", "--output=short-precise", user}) << "\n";
}

void Recorder::lose_consoles() {
  consoles_lost_until_ = Clock::now() + kBetweenConsoleAndQemu;
  for (auto& [name, vm] : watched_) vm.console_lost = vm.pid != 0;
}

void Recorder::look() {
  std::map<std::string, std::vector<pid_t>> running;
  for (const auto& process : processes_of_user(desktop_.host()))
    if (!process.guest.empty()) running[process.guest].push_back(process.pid);
  for (auto& [name, vm] : watched_) {
    const auto& pids = running[name];
    if (pids.size() > 1) problem(fmt::format("{}: {} QEMUs run at once", name, pids.size()));
    if (vm.pid != 0 && std::ranges::count(pids, vm.pid) == 0) ended(name, vm);
    if (vm.pid != 0 && !vm.started) vm.started = has_started(name);
    if (vm.pid != 0 || pids.empty()) continue;
    vm.pid = pids.front();
    vm.console_from = vm.guest->console().size();
    vm.console_lost = Clock::now() < consoles_lost_until_;
    vm.started = false;
    ++vm.ends.runs;
    note(name + " runs");
  }
}

void Recorder::ended(const std::string& name, Watched& vm) {
  vm.pid = 0;
  const auto console = vm.guest->console();
  const auto said = console.substr(std::min(vm.console_from, console.size()));
  std::error_code none;
  const bool saved = std::filesystem::exists(desktop_.host().disk_path(save_file(name)), none);
  if (!vm.started) {
    note(name + ": its start was cut off");
    ++vm.ends.cut_off;
  } else if (!ends_allowed_) {
    problem(name + ": its QEMU is gone, and nobody has stopped it");
    ++vm.ends.killed;
  } else if (said.find(kPowerDown) != std::string::npos) {
    note(name + " has shut down");
    ++vm.ends.shut_down;
  } else if (saved) {
    note(name + " is saved");
    ++vm.ends.saved;
  } else if (!vm.shuts_down) {
    note(name + " is powered off");
    ++vm.ends.powered_off;
  } else if (vm.console_lost) {
    note(name + " is off; its console had no end");
    ++vm.ends.unseen;
  } else {
    problem(name + ": its guest was neither shut down nor saved; it said last: " +
            said.substr(said.size() - std::min<std::size_t>(said.size(), 200)));
    ++vm.ends.killed;
  }
}

std::optional<std::vector<std::string>> Recorder::differences() {
  ++comparisons_;
  const auto list = desktop_.host().user(kUser, {"virsh", "-q", "-c", "qemu:///session", "list", "--all"});
  const auto said = bus_.ask();
  look();
  if (!said || said->libvirt_state != "ready") return std::nullopt;
  if (!list.succeeded()) return std::vector{"D-Bus says that libvirt is ready; virsh: " + list.err};
  std::vector<std::string> found;
  const auto states = states_of(list.out);
  std::map<std::string, std::string> unit_of;
  for (const auto& process : processes_of_user(desktop_.host()))
    if (!process.guest.empty()) unit_of[process.guest] = process.unit;
  for (const auto& [name, vm] : watched_) {
    const auto shown = said->vms.find(name);
    const auto state = states.find(name);
    if (shown == said->vms.end() || state == states.end()) {
      found.push_back(name + " is not there");
      continue;
    }
    const auto& of = shown->second;
    const bool off = is_off(state->second);
    const auto process = unit_of.find(name);
    const auto unit = process == unit_of.end() ? std::string() : process->second;
    const auto text = fmt::format("{}: libvirt says {}, D-Bus {}, {} ({}), scope \"{}\", process in \"{}\"", name,
                                  state->second, of.state, of.phase, of.reason, of.scope, unit);
    // While libvirt starts it, it shows a domain that is paused, and tells of it when it runs.
    if (of.phase == "starting" && state->second == "paused") continue;
    const bool phase_of_active = of.phase != "inactive" && of.phase != "gave-up" && of.phase != "backoff" &&
                                 of.phase != "waiting" && of.phase != "queued" && of.phase != "unknown";
    const bool phase_of_off = of.phase != "running" && of.phase != "paused" && of.phase != "unknown";
    if (of.state != state->second || off != unit.empty())
      found.push_back(text);
    else if (off ? !phase_of_off : !phase_of_active)
      found.push_back(text);
    else if (!off && of.scope != unit)
      found.push_back(text);
  }
  return found;
}

/// libvirt writes down that it runs when its start is over. Until then a new daemon takes it for half a start.
bool Recorder::has_started(const std::string& name) {
  const auto folder = "/run/user/" + std::to_string(desktop_.host().uid_of(kUser)) + "/libvirt/qemu/run/";
  const auto xml = desktop_.host().read_file(folder + name + ".xml").value_or("");
  return xml.find("<domstatus state='running'") != std::string::npos;
}

bool Recorder::manager_answers() {
  return desktop_.host().user(kUser, {"timeout", "2", "systemctl", "--user", "show", "-P", "Version"}).succeeded();
}

bool Recorder::wait_until_answered() {
  auto begin = Clock::now();
  bool hung = false;
  while (true) {
    const auto asked = Clock::now();
    const auto said = bus_.ask();
    if (said && said->libvirt_state == "ready") return true;
    look();
    // Systemd 252 waits 90 s for a bus that it has to start itself. Who connects to that bus waits as long.
    const bool no_bus = Clock::now() - asked > seconds(30);
    if (no_bus || (Clock::now() - begin > seconds(5) && !manager_answers())) {
      if (!hung) note("the user manager does not answer");
      manager_hangs_ += hung ? 0 : 1;
      hung = true;
      begin = Clock::now();
    }
    if (Clock::now() - begin > kLong) {
      problem("virtsessiond or libvirt is not back after a minute");
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void Recorder::expect_truth() {
  if (!wait_until_answered()) return;
  auto back = Clock::now();
  while (true) {
    const auto asked = std::chrono::duration<double>(Clock::now() - back);
    const auto wrong = differences();
    if (!wrong && wait_until_answered()) {
      back = Clock::now();
      continue;
    }
    if (!wrong) return;
    last_ = asked.count();
    longest_ = std::max(longest_, last_);
    if (wrong->empty()) return;
    if (asked > kTrueWithin) {
      for (const auto& text : *wrong) problem(fmt::format("not true after {:.1f} s: {}", asked.count(), text));
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void Recorder::expect(Wanted wanted, std::chrono::seconds limit) {
  if (!wait_until_answered()) return;
  const auto begin = Clock::now();
  std::string last;
  while (true) {
    look();
    const auto said = bus_.ask();
    last = said ? "" : "virtsessiond does not answer";
    if (said && said->stop_state != "idle") last += "a stop is under way; ";
    for (const auto& [name, vm] : watched_) {
      if (!said) break;
      const auto shown = said->vms.find(name);
      if (shown == said->vms.end()) {
        last += name + " is not there; ";
        continue;
      }
      const auto& of = shown->second;
      if (!is_phase_of_rest(of.phase) || is_off(of.state) != (wanted == Wanted::down))
        last += fmt::format("{} is {}, {} ({}), wanted {}; ", name, of.state, of.phase, of.reason, of.intent);
    }
    if (last.empty()) break;
    if (Clock::now() - begin > limit) return problem(fmt::format("not as wanted after {} s: {}", limit.count(), last));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  expect_truth();
}

void Recorder::expect_nothing() {
  look();
  for (const auto& process : processes_of_user(desktop_.host()))
    problem("after the logout there is " + process.program + " in " + process.unit);
}

Ends Recorder::ends() const {
  Ends sum;
  for (const auto& [name, vm] : watched_) sum += vm.ends;
  return sum;
}

}  // namespace virtsession::test
