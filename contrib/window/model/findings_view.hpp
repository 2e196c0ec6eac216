// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace virtsession::window {

/// A row of Diagnose of org.virtsession.Supervisor1.Manager.
struct Finding {
  std::string id;
  std::string severity;
  std::string subject;
  std::string text;
  std::string fix;
};

/// Findings of one severity, the worst first; those that are well come last.
struct FindingGroup {
  std::string severity;
  std::string title;  ///< "2 Problems"
  std::string icon;
  std::vector<Finding> findings;
};
std::vector<FindingGroup> groups_of(const std::vector<Finding>& findings);

/// \return whether nothing asks for anybody
bool is_all_well(const std::vector<Finding>& findings);

}  // namespace virtsession::window
