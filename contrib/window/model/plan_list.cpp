// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_list.hpp"

#include "texts/translate.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace virtsession::window {
namespace {

using namespace texts;
using ByPath = std::unordered_map<std::string_view, const VmInfo*>;

void add_steps(std::vector<PlanLine>& lines, const Plan& plan, bool is_start, const ByPath& vms) {
  if (plan.empty())
    return lines.push_back({.kind = PlanLine::Kind::step,
                            .is_start = is_start,
                            .title = _("There are no machines"),
                            .text = {},
                            .wave = {},
                            .uuid = {},
                            .policy_key = {}});
  for (const auto& wave : waves_of(plan)) {
    for (const auto& step : wave.steps) {
      const auto decision = is_start ? start_decision_text(step.decision) : stop_decision_text(step.decision);
      PlanLine line{.kind = PlanLine::Kind::step,
                    .is_start = is_start,
                    .title = step.name,
                    .text = step.reason.empty() ? decision : decision + ": " + step.reason,
                    .wave = &step == &wave.steps.front() ? wave.title : "",
                    .uuid = {},
                    .policy_key = deciding_stop_key()};
      if (const auto vm = vms.find(step.path); vm != vms.end()) {
        line.uuid = vm->second->uuid();
        if (is_start) line.policy_key = deciding_start_key(step, *vm->second);
      }
      lines.push_back(std::move(line));
    }
  }
}

bool is_decided(const VmInfo& vm) { return vm.flag("Autostart") || vm.flag("AutostartOnce") || vm.is_active(); }

void add_start(std::vector<PlanLine>& lines, const Plan& plan, const std::vector<VmInfo>& vms, const ByPath& by_path) {
  const auto is_done = [](const PlanStep& step) { return step.decision == "start" || step.decision == "wait"; };
  const bool asks = !vms.empty() && std::ranges::none_of(vms, is_decided) &&
                    std::ranges::all_of(plan, [](const auto& step) { return step.decision == "skip"; });
  lines.push_back({.is_start = true,
                   .title = _("At the Next Login"),
                   .text = asks ? _("No machine is marked to start. Which of them should?") : "",
                   .wave = {},
                   .uuid = {},
                   .policy_key = {},
                   .is_on = std::ranges::any_of(plan, is_done)});
  if (!asks) return add_steps(lines, plan, true, by_path);
  for (const auto& vm : vms)
    if (vm.flag("Persistent"))
      lines.push_back({.kind = PlanLine::Kind::mark,
                       .is_start = true,
                       .title = vm.name(),
                       .text = vm.text("Title"),
                       .wave = {},
                       .uuid = vm.uuid(),
                       .policy_key = {}});
}

void add_stop(std::vector<PlanLine>& lines, const Plan& plan, const std::vector<VmInfo>& vms, const ByPath& by_path,
              std::chrono::microseconds budget) {
  lines.push_back(
      {.is_start = false,
       .title = _("At the Next Logout"),
       .text = filled(_("Takes at most {} s of the {} s that the system gives"), stop_bound(plan, vms, budget).count(),
                      std::chrono::duration_cast<std::chrono::seconds>(budget).count()),
       .wave = {},
       .uuid = {},
       .policy_key = {},
       .is_on = std::ranges::any_of(plan, [](const auto& step) { return step.wave > 0; })});
  add_steps(lines, plan, false, by_path);
}

}  // namespace

std::vector<PlanLine> plan_lines(const Plan& start, const Plan& stop, const std::vector<VmInfo>& vms,
                                 std::chrono::microseconds budget) {
  ByPath by_path;
  for (const auto& vm : vms) by_path.emplace(vm.path, &vm);
  std::vector<PlanLine> lines;
  add_start(lines, start, vms, by_path);
  add_stop(lines, stop, vms, by_path, budget);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto is_heading = [&](std::size_t at) { return lines[at].kind == PlanLine::Kind::heading; };
    lines[i].first = !is_heading(i) && is_heading(i - 1);
    lines[i].last = !is_heading(i) && (i + 1 == lines.size() || is_heading(i + 1));
  }
  return lines;
}

}  // namespace virtsession::window
