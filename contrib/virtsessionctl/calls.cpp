// SPDX-License-Identifier: LGPL-2.1-or-later
#include "calls.hpp"

#include "dbus/object_path.hpp"
#include "text.hpp"
#include "vm_info.hpp"

#include <fmt/format.h>

#include <csignal>
#include <utility>

namespace virtsession::ctl {
namespace {

constexpr std::size_t kBarWidth = 20;

bool is_under_way(const VmInfo& vm) {
  const auto phase = vm.phase();
  return phase != "inactive" && phase != "running" && phase != "gave-up" && phase != "unknown";
}

/// "[#########...........] 45 %"
std::string bar(unsigned percent, const Terminal& terminal) {
  const auto full = kBarWidth * percent / 100;
  std::string text = "[";
  for (std::size_t i = 0; i < kBarWidth; ++i) text += i < full ? terminal.choose("█", "#") : terminal.choose("░", ".");
  return text + fmt::format("] {} %", percent);
}

using Clock = EventLoop::Clock;

constexpr std::chrono::milliseconds kQuiet{400};  // what is over by then needs no progress line
constexpr std::chrono::milliseconds kRedraw{250};

const std::string kErrorPrefix = "org.virtsession.Supervisor1.Error.";

}  // namespace

Progress::Progress(Client& client, const std::vector<VmInfo>& vms) {
  for (const auto& vm : vms) vms_[vm.path] = vm;
  match_ = sdbus_compat::add_match(client.connection(),
                                   "type='signal',member='PropertiesChanged',sender='" + client.service() +
                                       "',path_namespace='" + std::string(kRootPath) + "'",
                                   [this](sdbus::Message& message) { on_changed(message); });
}

void Progress::on_changed(sdbus::Message& message) {
  const auto vm = vms_.find(message.getPath());
  if (vm == vms_.end()) return;
  std::string interface;
  JsonDict changed;
  message >> interface >> changed;
  vm->second.update(properties_to_json(changed));
}

const VmInfo* Progress::shown(const std::string& path, std::size_t& others) const {
  if (path != kRootPath) {
    const auto found = vms_.find(path);
    return found == vms_.end() ? nullptr : &found->second;
  }
  const VmInfo* first = nullptr;
  for (const auto& [_, vm] : vms_) {
    if (!is_under_way(vm)) continue;
    if (first) ++others;
    if (!first) first = &vm;
  }
  return first;
}

std::string Progress::line(const std::vector<std::string>& paths, std::size_t total,
                           std::chrono::steady_clock::duration elapsed, const Terminal& terminal) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed);
  std::size_t others = paths.size() - 1;
  const auto* vm = shown(paths.front(), others);
  auto text = std::string(terminal.choose("… ", ""));
  if (vm) {
    const auto reason = vm->reason();
    text += fmt::format("{}: {}", printable(vm->name()), vm->phase());
    if (const auto percent = vm->progress())
      text += " " + bar(*percent, terminal);
    else if (!reason.empty() && is_under_way(*vm))
      text += ", " + printable(reason);
  } else {
    text += "waiting for virtsessiond";
  }
  text += fmt::format(" ({} s)", seconds.count());
  if (others > 0) text += fmt::format(", and {} more", others);
  if (total > 1) text += fmt::format("; {} of {} done", total - paths.size(), total);
  return text;
}

struct Calls::Open {
  const Task* task = nullptr;
  std::unique_ptr<sdbus::IProxy> proxy;
  std::size_t next_step = 0;
  Clock::time_point began;
  bool ended = false;
};

Calls::Calls(Client& client, Console& console, const std::vector<VmInfo>& vms)
    : client_(client), console_(console), progress_(client, vms) {}

Calls::~Calls() = default;

void Calls::run(const std::vector<Task>& tasks, std::optional<std::chrono::milliseconds> at_most,
                const Report& report) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  report_ = &report;
  left_ = tasks.size();
  const BusSource source(loop_, client_.connection(), [this](const std::string& text) {
    for (std::size_t i = 0; i < open_.size(); ++i) end(i, {"org.freedesktop.DBus.Error.Disconnected", text, {}});
  });
  std::vector<EventSource> sources;
  for (const int number : {SIGINT, SIGTERM})
    sources.push_back(loop_.on_signal(number, [this] {
      interrupted_ = true;
      loop_.quit(0);
    }));
  Timer redraw(loop_, [&] {
    draw();
    redraw.set(Clock::now() + kRedraw);
  });
  redraw.set(Clock::now() + kQuiet);
  Timer deadline(loop_, [this] {
    for (std::size_t i = 0; i < open_.size(); ++i) end(i, {kStoppedWaiting, "not done yet; it goes on", {}});
  });
  if (at_most) deadline.set(Clock::now() + *at_most);
  for (const auto& task : tasks) {
    open_.push_back({&task, client_.proxy_to(task.path), 0, Clock::now(), false});
    sdbus_compat::finish_registration(*open_.back().proxy);
  }
  for (std::size_t i = 0; i < open_.size(); ++i) step(i);
  if (left_ > 0) loop_.run();
  console_.show_progress("");
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  if (interrupted_)
    throw Failure(kInterrupted, "interrupted; what was asked for goes on", "See how:  virtsessionctl status");
}

void Calls::step(std::size_t index) {
  auto& open = open_[index];
  if (open.next_step == open.task->steps.size()) return end(index, {});
  const auto& send = open.task->steps[open.next_step++];
  send(*open.proxy, [this, index](std::string name, std::string message) {
    // Not from inside the answer: the next call is made on the same proxy.
    loop_.post([this, index, name = std::move(name), message = std::move(message)] {
      if (open_[index].ended) return;
      if (name.empty())
        step(index);
      else
        end(index, {name, message, {}});
    });
  });
}

void Calls::end(std::size_t index, Outcome outcome) {
  auto& open = open_[index];
  if (std::exchange(open.ended, true)) return;
  outcome.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - open.began);
  (*report_)(index, outcome);
  if (--left_ == 0) loop_.quit(0);
}

void Calls::draw() {
  std::vector<std::string> paths;
  for (const auto& open : open_)
    if (!open.ended) paths.push_back(open.task->path);
  if (paths.empty()) return;
  console_.show_progress(progress_.line(paths, open_.size(), Clock::now() - open_.front().began, console_.err()));
}

void call_manager(Client& client, Console& console, const Send& send, const std::vector<VmInfo>& vms,
                  std::optional<std::chrono::milliseconds> at_most) {
  Outcome ended;
  Calls(client, console, vms)
      .run({{std::string(kRootPath), {send}}}, at_most, [&](std::size_t, const Outcome& outcome) { ended = outcome; });
  if (!ended.succeeded()) throw failure_of(ended.error_name, ended.message);
}

std::string hint_for(const std::string& error_name, const std::string& vm) {
  if (error_name == kStoppedWaiting) return "See how it goes:  virtsessionctl status" + (vm.empty() ? "" : " " + vm);
  if (error_name == "org.freedesktop.DBus.Error.UnknownMethod")
    return "The virtsessiond that runs is older than this command:  systemctl --user restart virtsessiond\n"
           "Virtual machines run on meanwhile.";
  if (error_name == "org.freedesktop.DBus.Error.NoReply" || error_name == "org.freedesktop.DBus.Error.Disconnected")
    return "virtsessiond went away; see  systemctl --user status virtsessiond";
  if (!error_name.starts_with(kErrorPrefix)) return {};
  const auto kind = error_name.substr(kErrorPrefix.size());
  if (kind == "LibvirtUnavailable") return "Find out why:  virtsessionctl doctor";
  if (kind == "InvalidConfig") return "The old configuration stays in force.";
  if (kind == "Internal") return "This is a bug; the journal knows more:  journalctl --user -u virtsessiond";
  if (vm.empty()) return {};
  if (kind == "TimedOut")
    return "The guest did not obey; it still runs. To stop it without its help:\n  virtsessionctl save " + vm +
           "      keeps what it has in memory\n  virtsessionctl poweroff " + vm + "  as pulling the plug does";
  if (kind == "OperationFailed") return "More:  virtsessionctl logs " + vm;
  if (kind == "Busy") return "See what is going on:  virtsessionctl status " + vm;
  if (kind == "InvalidPolicy") return "All keys, with what is in force:  virtsessionctl policy " + vm;
  return {};
}

Failure failure_of(const std::string& error_name, const std::string& message) {
  const bool gone = error_name == "org.freedesktop.DBus.Error.NoReply" ||
                    error_name == "org.freedesktop.DBus.Error.ServiceUnknown" ||
                    error_name == "org.freedesktop.DBus.Error.Disconnected";
  const auto code = error_name == kErrorPrefix + "NoSuchVM" ? kNoSuchVm : gone ? kNotRunning : kFailed;
  return {code, printable(message), hint_for(error_name, "")};
}

}  // namespace virtsession::ctl
