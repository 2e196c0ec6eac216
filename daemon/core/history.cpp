// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/history.hpp"

#include <algorithm>

namespace virtsession {

void History::set_size(std::size_t entries_per_vm) {
  entries_per_vm_ = entries_per_vm;
  for (auto& [uuid, entries] : by_vm_)
    while (entries.size() > entries_per_vm_) entries.pop_front();
}

void History::add(HistoryEntry entry) {
  auto& entries = by_vm_[entry.uuid];
  entries.push_back(std::move(entry));
  if (entries.size() > entries_per_vm_) entries.pop_front();
  if (by_vm_.size() <= kMostVms) return;
  const auto stale = std::ranges::min_element(
      by_vm_, {}, [](const auto& vm) { return vm.second.empty() ? 0 : vm.second.back().time_usec; });
  by_vm_.erase(stale);
}

std::vector<HistoryEntry> History::entries(const std::string& uuid, std::size_t limit) const {
  std::vector<HistoryEntry> result;
  for (const auto& [vm, entries] : by_vm_)
    if (uuid.empty() || vm == uuid) result.insert(result.end(), entries.begin(), entries.end());
  std::ranges::stable_sort(result, {}, &HistoryEntry::time_usec);
  if (limit > 0 && result.size() > limit)
    result.erase(result.begin(), result.end() - static_cast<std::ptrdiff_t>(limit));
  return result;
}

}  // namespace virtsession
