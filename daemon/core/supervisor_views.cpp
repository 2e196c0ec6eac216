// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "core/supervisor.hpp"

#include <algorithm>

// What the supervisor shows: nothing here changes a VM.

namespace virtsession {

using nlohmann::json;

namespace {

/// Why a VM does not start at login, or empty when it does.
std::string skip_reason(const VmRecord& record, bool wanted) {
  if (record.domain.active()) return "runs already";
  if (!record.domain.persistent) return "transient: belongs to the program that made it";
  if (record.policy.start == StartWhen::never) return "its policy has start: never";
  if (!wanted) return "not marked (libvirt's autostart flag is off)";
  return {};
}

std::string start_reason(const VmRecord& record, const PlannedStart& planned, const std::vector<std::string>& names) {
  auto text = std::string(record.domain.autostart                        ? "marked"
                          : record.domain.autostart_once.value_or(false) ? "marked for once"
                                                                         : "ran at the last stop");
  text += "; order " + std::to_string(planned.order);
  if (planned.order != record.policy.start_order)
    text += " (its own is " + std::to_string(record.policy.start_order) + ", and an earlier VM starts after it)";
  for (const auto& name : names) text += "; after \"" + name + "\" is ready";
  if (record.policy.start_delay_sec > 0)
    text += "; after " + nlohmann::json(record.policy.start_delay_sec).dump() + " s";
  if (record.domain.managed_save) text += "; restored from its managed save";
  if (record.policy.start_ready.when != ReadyWhen::started) text += "; ready by " + to_text(record.policy.start_ready);
  for (const auto& problem : planned.problems) text += "; " + problem.text;
  return text;
}

std::string number_text(Duration duration) {
  return std::to_string(std::chrono::round<std::chrono::seconds>(duration).count());
}

/// "shutdown by its agent for up to 60 s, then save for up to 12 s, then poweroff"
std::string stop_reason(const StopNode& node, bool has_agent, const StopFit& fit) {
  std::string text;
  for (const auto& action : node.actions) {
    const bool last = &action == &node.actions.back();
    text += (text.empty() ? "" : ", then ") + std::string(to_text(action));
    if (action == StopAction::shutdown) text += has_agent ? " by its agent" : " by its power button";
    const auto time = fit.of(stop_time(action, last, node.timeout_sec, node.memory_kib));
    if (!last || action == StopAction::shutdown) text += " for up to " + number_text(time) + " s";
  }
  return text.empty() ? "none of its stop_actions is possible" : text;
}

}  // namespace

std::vector<Action> Supervisor::take_actions() { return std::exchange(actions_, {}); }

std::set<std::string> Supervisor::take_changed() { return std::exchange(changed_, {}); }

Result<std::string> Supervisor::find_vm(const std::string& name_or_uuid) const {
  for (const auto& [uuid, record] : vms_)
    if (record.domain.name == name_or_uuid) return uuid;
  if (auto as_uuid = canonical_uuid(name_or_uuid); vms_.contains(as_uuid)) return as_uuid;
  return Error{ErrorCode::no_such_vm, "no VM of this user has the name or uuid \"" + name_or_uuid + "\""};
}

std::vector<std::string> Supervisor::uuids() const {
  std::vector<std::string> result;
  for (const auto& [uuid, record] : vms_) result.push_back(uuid);
  return result;
}

VmView Supervisor::view(const std::string& uuid) const {
  const auto& record = vms_.at(uuid);
  const auto& domain = record.domain;
  VmView view;
  view.uuid = domain.uuid;
  view.name = domain.name;
  view.title = domain.title;
  view.state = connected_ ? domain.state : DomainState::unknown;
  view.state_reason = connected_ ? domain.state_reason : "no connection to libvirt";
  view.phase = connected_ ? record.phase : Phase::unknown;
  view.phase_reason = connected_ ? record.phase_reason : "no connection to libvirt";
  view.intent = record.intent;
  view.active = domain.active();
  view.autostart = domain.autostart;
  view.autostart_once = domain.autostart_once.value_or(false);
  view.persistent = domain.persistent;
  view.managed_save = domain.managed_save;
  view.policy = to_json(record.policy);
  view.policy_overrides = record.overrides;
  view.policy_problems = record.policy_problems;
  view.policy_problems.insert(view.policy_problems.end(), record.dependency_problems.begin(),
                              record.dependency_problems.end());
  view.last_error = record.last_error;
  view.restart_count = record.restart_count;
  view.started_usec = record.started_usec;
  view.networks = domain.networks;
  view.scope = record.scope;
  return view;
}

std::map<std::string, std::uint32_t> Supervisor::counts() const {
  std::map<std::string, std::uint32_t> result{{"total", static_cast<std::uint32_t>(vms_.size())}};
  for (const auto& [uuid, record] : vms_) ++result[std::string(to_text(connected_ ? record.phase : Phase::unknown))];
  return result;
}

std::vector<HistoryEntry> Supervisor::history(const std::string& uuid, std::size_t limit) const {
  return history_.entries(uuid, limit);
}

WantedFacts Supervisor::plan_facts() const {
  WantedFacts wanted;
  for (const auto& [uuid, record] : vms_)
    if (wants_start(record)) add_wanted(wanted, record.policy);
  return wanted;
}

std::vector<PlanStep> Supervisor::plan_start(const HostFacts& facts) const {
  std::vector<StartNode> nodes;
  std::vector<PlanStep> skipped;
  for (const auto& [uuid, record] : vms_) {
    const bool starts = wants_start(record);
    nodes.push_back({uuid, record.domain.name, record.policy.start_order, record.policy.start_after, starts,
                     record.domain.active()});
    if (!starts) skipped.push_back({0, uuid, record.domain.name, "skip", skip_reason(record, starts)});
  }
  std::vector<PlanStep> steps;
  for (const auto& planned : plan_starts(std::move(nodes))) {
    const auto& record = vms_.at(planned.uuid);
    std::vector<std::string> names;
    for (const auto& uuid : planned.after) names.push_back(vms_.at(uuid).domain.name);
    auto reason = start_reason(record, planned, names);
    const auto unmet = unmet_conditions(record.policy, facts, 0);
    for (const auto& condition : unmet) reason += "; waits for " + condition;
    steps.push_back({planned.wave, planned.uuid, record.domain.name, unmet.empty() ? "start" : "wait", reason});
  }
  std::ranges::sort(skipped, {}, &PlanStep::name);
  steps.insert(steps.end(), skipped.begin(), skipped.end());
  return steps;
}

std::vector<PlanStep> Supervisor::plan_stop(Duration budget) const {
  std::map<std::string, StopNode> nodes;
  std::map<std::string, std::string> left_out;
  std::vector<PlanStep> skipped;
  for (const auto& [uuid, record] : vms_) {
    const auto& domain = record.domain;
    if (is_to_be_stopped(record))
      nodes[uuid] = stop_node(record, possible_actions(record, &left_out[uuid]));
    else
      skipped.push_back({0, uuid, domain.name, "skip",
                         domain.active() ? "transient: belongs to the program that made it" : "does not run"});
  }
  std::vector<StopNode> list;
  for (const auto& [uuid, node] : nodes) list.push_back(node);
  const auto planned_stops = plan_stops(list);
  std::map<std::uint32_t, std::vector<StopTime>> times;
  for (const auto& planned : planned_stops) times[planned.wave].push_back(planned.time);
  const auto fit = fit_stops(times, config_.stop_parallel, until_last_call(budget));
  std::vector<PlanStep> steps;
  for (const auto& planned : planned_stops) {
    const auto& node = nodes.at(planned.uuid);
    const auto decision = node.actions.empty() ? StopAction::leave : node.actions.front();
    auto reason = stop_reason(node, vms_.at(planned.uuid).domain.agent_connected, fit) + "; order " +
                  std::to_string(planned.order);
    for (const auto& uuid : planned.before) reason += "; after " + in_quotes(nodes.at(uuid).name) + " is off";
    steps.push_back(
        {planned.wave, planned.uuid, node.name, std::string(to_text(decision)), reason + left_out.at(planned.uuid)});
  }
  std::ranges::sort(skipped, {}, &PlanStep::name);
  steps.insert(steps.end(), skipped.begin(), skipped.end());
  return steps;
}

std::map<std::string, double> Supervisor::stop_ends() const {
  std::vector<StopNode> nodes;
  for (const auto& [uuid, record] : vms_)
    if (is_to_be_stopped(record)) nodes.push_back(stop_node(record, possible_actions(record, nullptr)));
  return virtsession::stop_ends(plan_stops(nodes), config_.stop_parallel);
}

StopState Supervisor::stop_state() const {
  return stop_run_ && !stop_run_->over ? StopState::running : StopState::idle;
}

std::string Supervisor::stop_progress(SteadyTime now) const {
  if (stop_state() == StopState::idle) return {};
  std::size_t off = 0, all = 0;
  std::vector<std::string> names;
  for (const auto& [uuid, record] : vms_) {
    if (!record.stop_task) continue;
    ++all;
    off += record.domain.active() ? 0 : 1;
    if (record.domain.active() && names.size() < 3)
      names.push_back(in_quotes(record.domain.name) + " " + std::string(to_text(record.phase)));
  }
  auto text = "Stopping VMs because of " + stop_run_->cause + ": " + std::to_string(off) + " of " +
              std::to_string(all) + " off";
  if (!names.empty()) text += "; " + list_text(names);
  if (stop_run_->deadline) text += "; " + number_text(std::max(*stop_run_->deadline - now, Duration{})) + " s left";
  return text;
}

std::optional<SteadyTime> Supervisor::session_end() const {
  return stop_run_ && stop_run_->ends_session ? stop_run_->deadline : std::nullopt;
}

bool Supervisor::session_over() const { return stop_run_ && stop_run_->ends_session && stop_run_->over; }

void Supervisor::on_scope(const std::string& uuid, const std::string& scope) {
  if (auto* record = find(uuid)) record->scope = scope;
}

std::map<std::string, ScopeWish> Supervisor::scopes() const {
  std::map<std::string, ScopeWish> wishes;
  for (const auto& [uuid, record] : vms_) {
    const auto& policy = record.policy;
    if (record.domain.active() && record.domain.persistent)
      wishes[uuid] = {record.domain.name, record.domain.id, policy.cpu_weight, policy.io_weight,
                      policy.memory_high_mib};
  }
  return wishes;
}

}  // namespace virtsession
