// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ssh_reach.hpp"

#include "text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace virtsession::ctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kTellAfter{2000};
constexpr milliseconds kBetweenTries{250};
// A guest that has just come up answers a new connection sooner than one that waits for it already.
constexpr milliseconds kFirstPatience{2000};
constexpr milliseconds kLastPatience{8000};  // a guest may be slow

class Reaching {
 public:
  Reaching(Client& client, Console& console, VmInfo vm, milliseconds at_most)
      : client_(client), console_(console), vm_(std::move(vm)), at_most_(at_most) {}

  Reached run() {
    ask_for_addresses();
    while (true) {
      look();
      const auto ways = ssh_ways(vm_);
      if (ways.usable.empty() && ways.awaited.empty()) fail(ways);
      std::string problem;
      for (const auto& way : ways.usable) {
        auto probe = try_once(way);
        if (probe.connection) return {way, std::move(probe)};
        problem += (problem.empty() ? "" : "; ") + to_text(way) + " " + probe.problem;
        tell(ways);
      }
      const bool cut_off = left() <= milliseconds(0);  // the round before had its time, and knows better
      if (!cut_off || problem_.empty()) problem_ = problem;
      if (cut_off) give_up(ways);
      tell(ways);
      std::this_thread::sleep_for(std::min(kBetweenTries, std::max(left(), milliseconds(1))));
    }
  }

 private:
  milliseconds left() const { return std::chrono::ceil<milliseconds>(began_ + at_most_ - Clock::now()); }
  std::string name() const { return printable(vm_.name()); }

  /// The guest may have got one that virtsessiond has not seen.
  void ask_for_addresses() {
    const auto ways = ssh_ways(vm_);
    if (!ways.usable.empty() || ways.awaited.empty()) return;
    try {
      client_.list_addresses(vm_);
    } catch (const sdbus::Error&) {
      // What was known before must do.
    }
  }

  void look() {
    auto now = client_.vm(vm_.uuid());
    if (!now) throw Failure(kNoSuchVm, name() + " is gone");
    vm_ = *std::move(now);
    if (!vm_.is_active())
      throw Failure(kFailed, name() + " is off" + (vm_.reason().empty() ? "" : ": " + printable(vm_.reason())),
                    "See:  virtsessionctl status " + vm_.command_word());
    const auto phase = vm_.phase();
    if (phase == "paused" || phase == "asleep" || phase == "stuck")
      throw Failure(kFailed, fmt::format("{} is {}, and cannot answer: {}", name(), phase, printable(vm_.reason())),
                    "Let it run on:  virtsessionctl resume " + vm_.command_word());
  }

  SshProbe try_once(const SshEndpoint& way) {
    // Told in time, and not after a try that takes long.
    const bool untold = !told_ && Clock::now() - began_ < kTellAfter;
    const auto until_told = std::chrono::ceil<milliseconds>(began_ + kTellAfter - Clock::now());
    const auto patience = std::min(left(), untold ? std::max(until_told, milliseconds(200)) : patience_);
    if (!untold) patience_ = std::min(patience_ * 2, kLastPatience);
    return probe_ssh(way, std::max(patience, milliseconds(1)));
  }

  void tell(const SshWays& ways) {
    if (told_ || Clock::now() - began_ < kTellAfter) return;
    told_ = true;
    console_.note(ways.usable.empty() ? fmt::format("{}: waiting for {} (Ctrl-C ends it) ...", name(), ways.awaited)
                                      : fmt::format("{}: waiting for the sshd at {} (Ctrl-C ends it) ...", name(),
                                                    to_text(ways.usable.front())));
  }

  [[noreturn]] void fail(const SshWays& ways) const {
    throw Failure(kFailed, name() + ": " + ways.obstacle, ways.hint);
  }

  [[noreturn]] void give_up(const SshWays& ways) const {
    if (ways.usable.empty()) fail(ways);
    throw Failure(kFailed, fmt::format("{}: no sshd has answered in {}: {}", name(), duration_text(at_most_), problem_),
                  "Does one run in the guest? Look:  virtsessionctl console " + vm_.command_word() +
                      "\nGive a slow guest more time:  --timeout 300");
  }

  Client& client_;
  Console& console_;
  VmInfo vm_;
  const milliseconds at_most_;
  const Clock::time_point began_ = Clock::now();
  milliseconds patience_ = kFirstPatience;
  std::string problem_;  ///< of all ways, in the last whole round
  bool told_ = false;
};

}  // namespace

Reached reach_sshd(Client& client, Console& console, const VmInfo& vm, const VmWanted& wanted, milliseconds at_most) {
  const auto began = Clock::now();
  if (!vm.is_active() && wanted.start) {
    // Not started for nothing. Whether it has a vsock device is known when it runs.
    const auto ways = ssh_ways(vm);
    const bool may_have_vsock = access("/dev/vhost-vsock", R_OK | W_OK) == 0;
    if (!may_have_vsock && ways.usable.empty() && ways.awaited.empty())
      throw Failure(kFailed, printable(vm.name()) + ": " + ways.obstacle, ways.hint);
  }
  const auto up = bring_up(client, console, vm, wanted, at_most);
  const auto left = at_most - std::chrono::ceil<milliseconds>(Clock::now() - began);
  return Reaching(client, console, up, std::max(left, milliseconds(1000))).run();
}

}  // namespace virtsession::ctl
