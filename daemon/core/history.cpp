// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/history.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {

void History::set_size(std::size_t entries_per_vm) {
  entries_per_vm_ = entries_per_vm;
  for (auto& [uuid, rows] : by_vm_)
    while (rows.size() > entries_per_vm_) rows.pop_front();
}

void History::add(HistoryEntry entry) {
  auto& rows = by_vm_[entry.uuid];
  rows.push_back({next_number_++, std::move(entry)});
  if (rows.size() > entries_per_vm_) rows.pop_front();
  if (by_vm_.size() <= kMostVms) return;
  const auto stale = std::ranges::min_element(
      by_vm_, {}, [](const auto& vm) { return vm.second.empty() ? 0 : vm.second.back().number; });
  by_vm_.erase(stale);
}

std::vector<HistoryEntry> History::entries(const std::string& uuid, std::size_t limit) const {
  std::vector<const Row*> found;
  for (const auto& [vm, rows] : by_vm_)
    if (uuid.empty() || vm == uuid)
      for (const auto& row : rows) found.push_back(&row);
  std::ranges::sort(found, {}, &Row::number);
  if (limit > 0 && found.size() > limit) found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(limit));
  std::vector<HistoryEntry> entries;
  entries.reserve(found.size());
  for (const auto* row : found) entries.push_back(row->entry);
  return entries;
}

}  // namespace virtsession
