// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "difference.hpp"
#include "machine_view.hpp"

#include <string>
#include <vector>

namespace virtsession::window {

enum class SortBy { name, since };

/// One line of the list: a section's title, or a VM.
struct Entry {
  bool is_title = false;
  std::string text;  ///< of a title
  MachineView machine;
  bool first = false, last = false;  ///< of its section: the corners of the card

  /// What stays the same while the line changes.
  std::string key() const { return is_title ? "#" + text : machine.uuid; }
  bool operator==(const Entry&) const = default;
};

/// The lines for these VMs: by section, sorted, those whose name, title or word has every word of the search.
std::vector<Entry> list_of(const std::vector<MachineView>& machines, const std::string& search, SortBy sort);

}  // namespace virtsession::window
