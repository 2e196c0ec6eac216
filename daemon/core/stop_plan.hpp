// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"
#include "core/policy.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// What the planner has to know of a VM that is to be stopped.
struct StopNode {
  std::string uuid;
  std::string name;
  std::optional<std::int64_t> stop_order;
  std::int64_t start_order = 0;
  std::vector<std::string> start_after;  ///< names or uuids
  std::vector<StopAction> actions;       ///< those that can be tried, in order
  double timeout_sec = 0;                ///< of each action but the last
  Duration save_takes{};                 ///< at most
};

/// How long the actions of one VM may take: what is waited for, and may be cut to fit, what an action needs, and what
/// was given already and is not cut.
struct StopTime {
  Duration patience{};
  Duration need{};
  Duration given{};

  StopTime& operator+=(const StopTime& other);
  StopTime& operator-=(const StopTime& other);
};

/// One VM that is to be stopped, in its place.
struct PlannedStop {
  std::string uuid;
  std::int64_t order = 0;           ///< lower first
  std::uint32_t wave = 0;           ///< from 1; those of one wave may be stopped together
  std::vector<std::string> before;  ///< uuids of VMs that start after it, and so stop before it
  StopTime time;                    ///< of all its actions
};

/// Who is stopped when: the reverse of the start, in which a stop_order takes the place of the start_order. A VM is
/// stopped after all that start after it, whatever the orders say. \return by wave, then name
std::vector<PlannedStop> plan_stops(const std::vector<StopNode>& nodes);

/// How long it takes at most to save a guest's memory. \param kib_per_sec as fast as it was the last time; 0: not known
Duration save_time(std::uint64_t memory_kib, std::uint64_t kib_per_sec);

/// \param last no other action follows
StopTime stop_time(StopAction action, bool last, double timeout_sec, Duration save_takes);

/// What systemd's limits leave for stopping VMs: its margin is for our own end and that of what VMs need, which is
/// stopped after us. \param unit TimeoutStopUSec of our unit \param user of user@UID.service; nothing for infinity
std::chrono::microseconds stop_budget(std::optional<std::chrono::microseconds> unit,
                                      std::optional<std::chrono::microseconds> user);

/// What is left of a budget until everything that still runs has to be ended by force.
Duration until_last_call(Duration budget);

/// How the times of a plan are cut so that the plan fits what is left: each is multiplied by its factor, from 0 to 1.
struct StopFit {
  double patience = 1;
  double need = 1;

  Duration of(const StopTime& time) const;
};

/// When each VM is off at the latest, in seconds from the begin, when nothing is cut. \return by uuid
std::map<std::string, double> stop_ends(const std::vector<PlannedStop>& plan, std::int64_t parallel);

/// Patience is cut before needs, and both in the same way for all VMs, however they stand in line.
/// \param left by wave: what its VMs take that are not off \param parallel how many are stopped at once
/// \param budget time for all of it
StopFit fit_stops(const std::map<std::uint32_t, std::vector<StopTime>>& left, std::int64_t parallel, Duration budget);

}  // namespace virtsession
