// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/views.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace virtsession {

/// The last changes of every VM, also of those that are gone; the oldest go first.
class History {
 public:
  explicit History(std::size_t entries_per_vm) : entries_per_vm_(entries_per_vm) {}

  void set_size(std::size_t entries_per_vm);
  void add(HistoryEntry entry);
  /// \param uuid empty for all VMs \param limit 0 for no limit \return oldest first, in the order in which they were
  /// added
  std::vector<HistoryEntry> entries(const std::string& uuid, std::size_t limit) const;

 private:
  /// VMs that were undefined leave their history; this many VMs are kept, so that it cannot grow for ever.
  static constexpr std::size_t kMostVms = 4096;

  struct Row {
    std::uint64_t number = 0;  ///< of all rows: a clock may be set back, and two changes have one time
    HistoryEntry entry;
  };

  // Few entries a VM, and many VMs with one: an empty deque takes half a kilobyte.
  struct OfVm {
    std::vector<Row> rows;
    std::uint64_t newest = 0;  ///< number of the last one
  };

  void shorten(std::vector<Row>& rows) const;

  std::size_t entries_per_vm_;
  std::uint64_t next_number_ = 1;
  std::map<std::string, OfVm> by_vm_;
  std::map<std::uint64_t, std::string> by_age_;  ///< uuids, by OfVm::newest
};

}  // namespace virtsession
