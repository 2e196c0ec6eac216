// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/views.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace virtsession {

/// What the planner has to know of a VM.
struct StartNode {
  std::string uuid;
  std::string name;
  std::int64_t order = 0;
  std::vector<std::string> after;  ///< names or uuids
  bool starts = false;             ///< it is to be started; false: it is there, running or not
  bool active = false;             ///< it runs already
};

/// One VM that is to be started, in its place.
struct PlannedStart {
  std::string uuid;
  std::int64_t order = 0;          ///< its own, or an earlier one because a VM of that order starts after it
  std::uint32_t wave = 0;          ///< from 1; those of one wave may start together
  std::vector<std::string> after;  ///< uuids of VMs in the plan that have to be ready before
  std::vector<Problem> problems;   ///< entries of start_after that are not waited for
};

/// Who starts when: first by order, then by start_after, which wins over the order (what it names is moved to the front
/// with it). Cycles, missing and unmarked names are reported and not waited for. Same input, same plan, in whatever
/// order the nodes come. \return by wave, then name
std::vector<PlannedStart> plan_starts(std::vector<StartNode> nodes);

}  // namespace virtsession
