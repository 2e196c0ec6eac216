// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "core/supervisor.hpp"

#include <algorithm>
#include <limits>

// Who waits for whom now.

namespace virtsession {

/// Every VM whose start is under way or still to come, or that runs and is not ready yet.
void Supervisor::rebuild_plan() {
  plan_.clear();
  plan_order_.clear();
  const auto starts = [](const Record& record) {
    return record.task || record.ready_wait || record.phase == Phase::starting;
  };
  if (std::ranges::none_of(vms_, [&](const auto& vm) { return starts(vm.second); })) return;
  std::vector<StartNode> nodes;
  for (const auto& [uuid, record] : vms_) {
    // A restart waits for no other VM, but others wait for it.
    const bool waits = record.task && record.task->ordered;
    nodes.push_back({uuid, record.domain.name, record.policy.start_order,
                     waits ? record.policy.start_after : std::vector<std::string>(), starts(record),
                     record.domain.active() && !starts(record)});
  }
  for (auto& planned : plan_starts(std::move(nodes))) {
    plan_order_.push_back(planned.uuid);
    plan_[planned.uuid] = {planned.order, std::move(planned.after), true, true};
  }
}

/// A VM holds up later orders while its start goes on by itself: not while it waits for something of the host, for its
/// next try, or for a VM that does; and only if it is part of the run.
void Supervisor::find_holders() {
  lowest_holding_order_ = std::numeric_limits<std::int64_t>::max();
  std::set<std::string> blocked;
  for (const auto& uuid : plan_order_) {  // what a VM waits for comes before it
    auto& planned = plan_.at(uuid);
    const auto& record = vms_.at(uuid);
    const auto stage = record.task ? record.task->stage : StartStage::starting;
    const auto is_blocked = [&](const auto& other) { return blocked.contains(other); };
    const auto moves = [&](const auto& other) { return plan_.at(other).moves; };
    planned.moves = stage != StartStage::conditions && std::ranges::all_of(planned.after, moves);
    if (stage == StartStage::conditions || stage == StartStage::backoff ||
        std::ranges::any_of(planned.after, is_blocked))
      blocked.insert(uuid);
    const bool in_run = record.task ? record.task->ordered : record.ready_wait && record.ready_wait->ordered;
    planned.holds = in_run && !blocked.contains(uuid);
    if (planned.holds) lowest_holding_order_ = std::min(lowest_holding_order_, planned.order);
  }
}

void Supervisor::check_dependencies() {
  if (!dependencies_stale_) return;
  dependencies_stale_ = false;
  std::vector<StartNode> nodes;
  for (auto& [uuid, record] : vms_) {
    if (!record.dependency_problems.empty()) changed_.insert(uuid);
    record.dependency_problems.clear();
    // Of what starts at a login, whether it runs now or not; another VM that runs is no problem either.
    const auto& domain = record.domain;
    const bool starts =
        domain.persistent && record.policy.start != StartWhen::never &&
        (record.policy.start == StartWhen::was_running || domain.autostart || domain.autostart_once.value_or(false));
    nodes.push_back(
        {uuid, domain.name, record.policy.start_order, record.policy.start_after, starts, !starts && domain.active()});
  }
  for (auto& planned : plan_starts(std::move(nodes))) {
    if (planned.problems.empty()) continue;
    changed_.insert(planned.uuid);
    vms_.at(planned.uuid).dependency_problems = std::move(planned.problems);
  }
}

/// What a VM would have waited for and goes without, for its reason.
std::string Supervisor::missing_dependencies(const Record& record) const {
  std::vector<std::string> missing;
  for (const auto& name : record.policy.start_after) {
    const auto uuid = find_vm(name);
    const auto* other = uuid ? find(*uuid) : nullptr;
    if (!other)
      missing.push_back(in_quotes(name) + " (no such VM)");
    else if (!other->domain.active())
      missing.push_back(in_quotes(name) + " (" + std::string(to_text(other->phase)) + ")");
    else if (other->never_ready)
      missing.push_back(in_quotes(name) + " (not ready)");
  }
  return missing.empty() ? "" : "; without " + list_text(missing);
}

}  // namespace virtsession
