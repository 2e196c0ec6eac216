// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "difference.hpp"
#include "plan_view.hpp"

namespace virtsession::window {

/// One line of the page of the plans.
struct PlanLine {
  enum class Kind {
    heading,  ///< of a plan: its button runs it
    step,     ///< what becomes of a VM; leads to the policy key that decides
    mark      ///< a VM that nothing is said of yet: a switch marks it
  };
  Kind kind = Kind::heading;
  bool is_start = false;  ///< of the next login; else of the next logout
  std::string title;      ///< of the heading, or the VM's name
  std::string text;       ///< how long a stop takes, or what is done and why
  std::string wave;       ///< "First", on the first line of a wave
  std::string uuid;       ///< empty: of a heading, or of a VM that is gone
  std::string policy_key;
  bool is_on = false;                ///< a heading's button, a mark's switch
  bool first = false, last = false;  ///< of a card: its corners

  /// What stays the same while the line changes.
  std::string key() const {
    return std::to_string(static_cast<int>(kind)) + (is_start ? "+" : "-") + (uuid.empty() ? title : uuid);
  }
  bool operator==(const PlanLine&) const = default;
};

/// Both plans. Where none of the VMs is marked or runs, the first asks which should start.
/// \param budget what the system gives for a stop
std::vector<PlanLine> plan_lines(const Plan& start, const Plan& stop, const std::vector<VmInfo>& vms,
                                 std::chrono::microseconds budget);

}  // namespace virtsession::window
