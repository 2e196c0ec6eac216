// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/conditions.hpp"

#include "core/list_text.hpp"

namespace virtsession {

std::string missing_at(const std::string& path, const PathFacts& facts) {
  if (!facts.answers) return path + " does not answer";
  if (!facts.exists) return path + " does not exist";
  if (facts.is_mount_point && !facts.mounted) return "nothing is mounted at " + path;
  return {};
}

UnmetConditions unmet_conditions(const Policy& policy, std::int64_t free_memory_mib, const HostFacts& facts,
                                 std::uint64_t reserved_mib) {
  UnmetConditions unmet;
  if (policy.start_if_ac_power && facts.on_ac_power != true) unmet.things.emplace_back("AC power");
  if (policy.start_if_graphical && facts.graphical_session != true) unmet.things.emplace_back("a graphical session");
  if (free_memory_mib > 0) {
    const auto available = facts.available_memory_mib.value_or(0);
    const auto free = available > reserved_mib ? available - reserved_mib : 0;
    const auto needed = static_cast<std::uint64_t>(free_memory_mib);
    if (free < needed)
      unmet.things.push_back(std::to_string(needed) + " MiB of free memory (now " + std::to_string(free) + " MiB)");
  }
  for (const auto& path : policy.start_if_paths) {
    const auto known = facts.paths.find(path);
    if (known == facts.paths.end())
      unmet.things.push_back("path " + path);  // it has not been looked at yet
    else if (auto missing = missing_at(path, known->second); !missing.empty())
      unmet.paths.push_back(std::move(missing));
  }
  for (const auto& unit : policy.after_units) {
    const auto known = facts.units.find(unit);
    if (known == facts.units.end() || !known->second) unmet.things.push_back(unit + " to be active");
  }
  return unmet;
}

std::string to_text(const UnmetConditions& unmet) {
  std::string text;
  if (!unmet.things.empty()) text = "waits for " + list_text(unmet.things);
  for (const auto& path : unmet.paths) text += (text.empty() ? "" : "; ") + path;
  return text;
}

void add_wanted(WantedFacts& wanted, const Policy& policy) {
  wanted.ac_power |= policy.start_if_ac_power;
  wanted.graphical_session |= policy.start_if_graphical;
  wanted.memory |= policy.start_if_free_memory_mib > 0;
  wanted.paths.insert(policy.start_if_paths.begin(), policy.start_if_paths.end());
  wanted.units.insert(policy.after_units.begin(), policy.after_units.end());
}

}  // namespace virtsession
