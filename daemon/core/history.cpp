// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/history.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {

void History::set_size(std::size_t entries_per_vm) {
  entries_per_vm_ = entries_per_vm;
  for (auto& [uuid, vm] : by_vm_) shorten(vm.rows);
}

void History::add(HistoryEntry entry) {
  auto& vm = by_vm_[entry.uuid];
  by_age_.erase(vm.newest);
  vm.newest = next_number_++;
  by_age_.emplace(vm.newest, entry.uuid);
  vm.rows.push_back({vm.newest, std::move(entry)});
  shorten(vm.rows);
  if (by_vm_.size() <= kMostVms) return;
  by_vm_.erase(by_age_.begin()->second);
  by_age_.erase(by_age_.begin());
}

void History::shorten(std::vector<Row>& rows) const {
  if (rows.size() > entries_per_vm_)
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(entries_per_vm_));
}

std::vector<HistoryEntry> History::entries(const std::string& uuid, std::size_t limit) const {
  std::vector<const Row*> found;
  for (const auto& [of, vm] : by_vm_)
    if (uuid.empty() || of == uuid)
      for (const auto& row : vm.rows) found.push_back(&row);
  std::ranges::sort(found, {}, &Row::number);
  if (limit > 0 && found.size() > limit) found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(limit));
  std::vector<HistoryEntry> entries;
  entries.reserve(found.size());
  for (const auto* row : found) entries.push_back(row->entry);
  return entries;
}

}  // namespace virtsession
