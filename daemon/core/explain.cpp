// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/explain.hpp"

#include "core/guest_save.hpp"
#include "core/list_text.hpp"
#include "core/start_plan.hpp"
#include "core/start_run.hpp"
#include "core/stop_actions.hpp"
#include "core/stop_run.hpp"
#include "core/vms.hpp"

#include <algorithm>

namespace virtsession {
namespace {

const char* const kTransient = "transient: belongs to the program that made it";
const char* const kLeave = "left to systemd, which ends it with the session, without a shutdown";
const char* const kAppliance = "an appliance of libguestfs: ended at once, and nobody waits for it";

/// Why a VM does not start at login.
std::string skip_reason(const Vm& vm) {
  if (vm.domain().active()) return "runs already";
  if (!vm.domain().persistent) return kTransient;
  if (auto moved = why_moved_away(vm.domain()); !moved.empty()) return moved;
  if (vm.policy().start == StartWhen::never) return "its policy has start: never";
  return "not marked (libvirt's autostart flag is off)";
}

std::string start_reason(const Vm& vm, const PlannedStart& planned, const std::vector<std::string>& names) {
  const auto& policy = vm.policy();
  auto text = std::string(vm.domain().autostart                        ? "marked"
                          : vm.domain().autostart_once.value_or(false) ? "marked for once"
                                                                       : "ran at the last stop");
  text += "; order " + std::to_string(planned.order);
  if (planned.order != policy.start_order)
    text += " (its own is " + std::to_string(policy.start_order) + ", and an earlier VM starts after it)";
  for (const auto& name : names) text += "; after \"" + name + "\" is ready";
  if (policy.start_delay_sec > 0) text += "; after " + nlohmann::json(policy.start_delay_sec).dump() + " s";
  if (vm.domain().managed_save) text += "; restored from its managed save";
  if (policy.start_ready.when != ReadyWhen::started) text += "; ready by " + to_text(policy.start_ready);
  for (const auto& problem : planned.problems) text += "; " + problem.text;
  return text;
}

/// "shutdown by its agent for up to 60 s, then save for up to 12 s, then poweroff"
std::string stop_reason(const StopNode& node, bool has_agent, const StopShare& share) {
  std::string text;
  for (const auto& action : node.actions) {
    if (action == StopAction::leave) {
      text += (text.empty() ? "" : ", then ") + std::string(kLeave);
      continue;
    }
    const bool last = &action == &node.actions.back();
    text += (text.empty() ? "" : ", then ") + std::string(to_text(action));
    if (action == StopAction::shutdown) text += has_agent ? " by its agent" : " by its power button";
    const auto time = share.of(stop_time(action, last, node.timeout_sec, node.save_takes));
    if (!last || action == StopAction::shutdown) text += " for up to " + seconds_text(time);
  }
  return text.empty() ? "none of its stop_actions is possible: its QEMU is ended by SIGTERM in the end" : text;
}

/// ""a", "b", "c" and 2 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 3;
  if (names.size() <= kMost) return list_text(names);
  return list_text({names.begin(), names.begin() + kMost}) + " and " + std::to_string(names.size() - kMost) + " more";
}

/// The skipped ones follow, by name.
void append_skipped(std::vector<PlanStep>& steps, std::vector<PlanStep> skipped) {
  std::ranges::sort(skipped, {}, &PlanStep::name);
  steps.insert(steps.end(), skipped.begin(), skipped.end());
}

}  // namespace

VmView view_of(const Vm& vm, const std::vector<Problem>& dependency_problems, bool connected) {
  const auto& domain = vm.domain();
  const auto& status = vm.status();
  VmView view;
  view.uuid = domain.uuid;
  view.name = domain.name;
  view.title = domain.title;
  view.state = connected ? domain.state : DomainState::unknown;
  view.state_reason = connected ? domain.state_reason : "no connection to libvirt";
  if (const auto heard = vm.run() ? vm.run()->standstill().heard() : std::nullopt; connected && heard) {
    view.state = *heard;
    view.state_reason = *heard == DomainState::paused ? "user" : "unpaused";  // mostly; libvirt is being asked
  }
  view.phase = connected ? status.phase : Phase::unknown;
  view.phase_reason = connected ? status.reason : "no connection to libvirt";
  if (const auto moved = why_moved_away(domain); connected && !moved.empty()) view.phase_reason = moved;
  view.phase_since_usec = connected ? status.since_usec : 0;
  if (connected && status.phase == Phase::saving && vm.run()) view.progress = vm.run()->saving().progress();
  view.intent = status.intent;
  view.active = domain.active();
  view.autostart = domain.autostart;
  view.autostart_once = domain.autostart_once.value_or(false);
  view.persistent = domain.persistent;
  view.managed_save = domain.managed_save;
  view.policy = vm.keys().effective_keys();
  view.policy_overrides = vm.keys().overrides();
  view.policy_problems = vm.keys().problems();
  view.policy_problems.insert(view.policy_problems.end(), dependency_problems.begin(), dependency_problems.end());
  view.last_error = status.last_error;
  view.restart_count = vm.restarts().count();
  view.networks = domain.networks;
  if (vm.run()) view.addresses = vm.run()->addresses().list(domain);
  if (vm.run()) {
    view.started_usec = vm.run()->started_usec();
    view.scope = vm.run()->scope();
  }
  return view;
}

std::map<std::string, std::uint32_t> counts_of(const Vms& vms, bool connected) {
  std::map<std::string, std::uint32_t> result{{"total", static_cast<std::uint32_t>(vms.size())}};
  const auto attended = vms.attended();
  const auto others = static_cast<std::uint32_t>(vms.size() - attended.size());
  if (others > 0) result[std::string(to_text(connected ? Phase::inactive : Phase::unknown))] = others;
  for (const Vm& vm : attended) ++result[std::string(to_text(connected ? vm.status().phase : Phase::unknown))];
  return result;
}

WantedFacts facts_of_start(const Vms& vms, const StartRun& starts) {
  WantedFacts wanted;
  for (const Vm& vm : vms.attended())
    if (starts.wants(vm)) add_wanted(wanted, vm.policy());
  return wanted;
}

std::vector<PlanStep> explain_start(const Vms& vms, const StartRun& starts, const HostFacts& facts) {
  std::vector<StartNode> nodes;
  std::vector<PlanStep> skipped;
  for (const auto& [uuid, vm] : vms.all()) {
    const bool wanted = starts.wants(vm);
    nodes.push_back({uuid, vm.name(), vm.policy().start_order, vm.policy().start_after, wanted, vm.domain().active()});
    if (!wanted) skipped.push_back({0, uuid, vm.name(), "skip", skip_reason(vm)});
  }
  std::vector<PlanStep> steps;
  for (const auto& planned : plan_starts(std::move(nodes))) {
    const auto& vm = vms.at(planned.uuid);
    std::vector<std::string> names;
    for (const auto& uuid : planned.after) names.push_back(vms.at(uuid).name());
    auto reason = start_reason(vm, planned, names);
    const auto unmet = unmet_conditions(vm.policy(), vm.policy().start_if_free_memory_mib, facts, 0);
    if (!unmet.empty()) reason += "; " + to_text(unmet);
    steps.push_back({planned.wave, planned.uuid, vm.name(), unmet.empty() ? "start" : "wait", reason});
  }
  append_skipped(steps, std::move(skipped));
  return steps;
}

std::string explain_autostart(const Vms& vms, const StartRun& starts) {
  switch (starts.state()) {
    case AutostartState::pending:
      return "it has not begun";
    case AutostartState::running:
      return "it is under way";
    case AutostartState::unknown:
      return "there is no connection to libvirt: what runs is not known";
    case AutostartState::done:
    case AutostartState::incomplete:
      break;
  }
  std::vector<std::string> lacking, off;
  for (const Vm& vm : vms.attended()) {
    if (starts.lacks(vm))
      lacking.push_back(in_quotes(vm.name()));
    else if (starts.wants(vm))
      off.push_back(in_quotes(vm.name()));
  }
  std::string text;
  if (!lacking.empty())
    text = some_of(lacking) + (lacking.size() == 1 ? " should run and does not" : " should run and do not");
  if (!off.empty())
    text +=
        (text.empty() ? "" : "; ") + some_of(off) + (off.size() == 1 ? " is marked and off" : " are marked and off");
  return text.empty() ? "everything that should run does" : text;
}

std::string explain_loss_by_restart(const Vms& vms) {
  std::vector<std::string> names;
  for (const Vm& vm : vms.attended())
    if (vm.domain().active() && !vm.domain().persistent) names.push_back(in_quotes(vm.name()));
  if (names.empty()) return {};
  return some_of(names) + (names.size() == 1 ? " is transient and may end" : " are transient and may end") +
         " with the connection to libvirt, losing what is being written (libguestfs asks libvirt for that)";
}

std::vector<PlanStep> explain_stop(const Vms& vms, std::int64_t parallel, Duration budget) {
  std::map<std::string, StopNode> nodes;
  std::map<std::string, std::string> left_out;
  std::vector<PlanStep> steps, skipped;
  for (const auto& [uuid, vm] : vms.all()) {
    if (vm.domain().active() && vm.domain().appliance)
      steps.push_back({1, uuid, vm.name(), std::string(to_text(StopAction::poweroff)), kAppliance});
    else if (is_to_be_stopped(vm, true))
      nodes[uuid] = stop_node(vm, possible_actions(vm, &left_out[uuid]));
    else
      skipped.push_back({0, uuid, vm.name(), "skip", "does not run"});
  }
  std::vector<StopNode> list;
  list.reserve(nodes.size());
  for (const auto& [uuid, node] : nodes) list.push_back(node);
  const auto planned_stops = plan_stops(list);
  StopWaves left;
  for (const auto& planned : planned_stops)
    left[planned.wave].push_back(
        {.uuid = planned.uuid, .to_come = planned.time, .save_is_guessed = !save_speed_is_known(vms.at(planned.uuid))});
  const auto fit = fit_stops(left, parallel, until_last_call(budget));
  for (const auto& planned : planned_stops) {
    const auto& node = nodes.at(planned.uuid);
    const auto decision = node.actions.empty() ? StopAction::leave : node.actions.front();
    auto reason = stop_reason(node, vms.at(planned.uuid).domain().agent_connected, fit.share(planned.uuid)) +
                  "; order " + std::to_string(planned.order);
    for (const auto& uuid : planned.before) reason += "; after " + in_quotes(nodes.at(uuid).name) + " is off";
    for (const auto& unit : vms.at(planned.uuid).policy().after_units) reason += "; before " + unit + " is stopped";
    if (!vms.at(planned.uuid).domain().persistent) reason += "; transient: left alone until the session ends";
    steps.push_back(
        {planned.wave, planned.uuid, node.name, std::string(to_text(decision)), reason + left_out.at(planned.uuid)});
  }
  append_skipped(steps, std::move(skipped));
  return steps;
}

std::map<std::string, double> explain_stop_ends(const Vms& vms, std::int64_t parallel) {
  std::vector<StopNode> nodes;
  for (const Vm& vm : vms.attended())
    if (is_to_be_stopped(vm, true) && !vm.domain().appliance)
      nodes.push_back(stop_node(vm, possible_actions(vm, nullptr)));
  return stop_ends(plan_stops(nodes), parallel);
}

std::string explain_progress(const Vms& vms, const StopRun& stops, SteadyTime now) {
  if (!stops.under_way()) return {};
  std::size_t off = 0, all = 0;
  std::vector<std::string> names;
  for (const Vm& vm : vms.attended()) {
    if (!vm.stop()) continue;
    ++all;
    off += vm.domain().active() ? 0 : 1;
    if (vm.domain().active() && names.size() < 3)
      names.push_back(in_quotes(vm.name()) + " " + std::string(to_text(vm.status().phase)));
  }
  auto text =
      "Stopping VMs " + reason_text(stops.cause()) + ": " + std::to_string(off) + " of " + std::to_string(all) + " off";
  if (!names.empty()) text += "; " + list_text(names);
  if (const auto deadline = stops.deadline())
    text += "; " + seconds_text(std::max(*deadline - now, Duration{})) + " left";
  return text;
}

}  // namespace virtsession
