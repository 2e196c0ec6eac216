// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace virtsession {
namespace {

constexpr std::uint64_t kUsecPerSec = 1000000;
constexpr std::int64_t kSpareSec = 30;  ///< for what else has to stop in that time

void check_linger(const Picture& picture, Report& report) {
  const auto& facts = picture.facts;
  const auto linger =
      facts.supervised && facts.supervised->linger ? facts.supervised->linger : facts.user_manager.linger;
  if (!linger) return;
  if (*linger) return report.ok("linger", "lingering is on: VMs start at boot and go on after logout");
  report.add("linger", Severity::note, {},
             "lingering is off: VMs start at the first login of " + facts.machine.user +
                 " and are stopped after the last logout",
             "loginctl enable-linger");
}

/// The running VM that is down last, by its stop plan. Null when none has one.
const SupervisedVm* slowest(const Picture& picture) {
  const SupervisedVm* found = nullptr;
  for (const auto& [vm, domain] : picture.vms)
    if (vm.active && vm.stop_end_sec && (!found || *vm.stop_end_sec > *found->stop_end_sec)) found = &vm;
  return found;
}

void check_budget(const Picture& picture, Report& report) {
  const auto& facts = picture.facts;
  auto budget = facts.user_manager.stop_budget_usec;
  if (facts.supervised && facts.supervised->stop_budget_usec) budget = facts.supervised->stop_budget_usec;
  if (!budget) return;
  if (*budget == kUnlimited) return report.ok("stop-budget", "systemd waits for VMs to stop for as long as they take");
  const auto seconds = static_cast<std::int64_t>(*budget / kUsecPerSec);
  const std::string has = "at logout and shutdown systemd leaves " + duration_text(seconds) + " to stop VMs";
  const auto* const last = slowest(picture);
  if (!last) return report.ok("stop-budget", has);
  const auto needed = static_cast<std::int64_t>(std::ceil(*last->stop_end_sec));
  const std::string takes =
      fmt::format("; those that run may take {}, and \"{}\" is the last", duration_text(needed), last->name);
  // What is waited for is cut until it fits. Nobody asked for the built-in patience in particular, and half of it will
  // do.
  const bool is_default = std::ranges::all_of(picture.vms, [](const CheckedVm& checked) {
    return !checked.vm.active || checked.vm.stop_timeout_sec <= Policy().stop_timeout_sec;
  });
  if (needed <= seconds) return report.ok("stop-budget", has + takes);
  if (is_default && needed <= 2 * seconds)
    return report.ok("stop-budget", has + takes + " unless they are given less, as they are then");
  report.add("stop-budget", Severity::warning, last->name, has + takes + ": its later stop actions are cut short",
             system_drop_in("user@.service", "TimeoutStopSec=" + std::to_string(needed + kSpareSec)));
}

}  // namespace

void check_session(const Picture& picture, Report& report) {
  check_linger(picture, report);
  check_budget(picture, report);
}

}  // namespace virtsession
