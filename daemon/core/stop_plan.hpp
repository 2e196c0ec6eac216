// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"
#include "core/policy.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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

/// How long the actions of one VM may take: what is waited for, and may be cut to fit; what saving it needs, which is
/// of use only as a whole; and what else an action needs.
struct StopTime {
  Duration patience{};
  Duration save{};
  Duration need{};

  StopTime& operator+=(const StopTime& other);
  StopTime& operator-=(const StopTime& other);
};

/// What is left to be done to one VM that is not off.
struct StopLeft {
  std::string uuid;
  StopTime to_come;              ///< of its actions that have not begun
  StopTime under_way{};          ///< of the one that has, all of it
  Duration had{};                ///< how long that one has been under way
  Duration given{};              ///< what it has yet of the time that it was given, which is not taken back
  bool save_is_guessed = false;  ///< no save has shown yet how fast one is

  /// It may be saved, or is.
  bool saves() const { return to_come.save + under_way.save > Duration{}; }
};

/// By wave: the VMs that are not off.
using StopWaves = std::map<std::uint32_t, std::vector<StopLeft>>;

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

/// How fast it was, KiB a second, for save_time(), which is not less than `took` then; 0 when that is no speed.
std::uint64_t save_speed(std::uint64_t memory_kib, Duration took);

/// \param last no other action follows
StopTime stop_time(StopAction action, bool last, double timeout_sec, Duration save_takes);
/// Of all of them, one after the other.
StopTime stop_time(const std::vector<StopAction>& actions, double timeout_sec, Duration save_takes);

/// What systemd's limits leave for stopping VMs: its margin is for our own end and that of what VMs need, which is
/// stopped after us. \param unit TimeoutStopUSec of our unit \param user of user@UID.service; nothing for infinity
std::chrono::microseconds stop_budget(std::optional<std::chrono::microseconds> unit,
                                      std::optional<std::chrono::microseconds> user);

/// What is left of a budget until everything that still runs has to be ended by force.
Duration until_last_call(Duration budget);

/// How the times of one VM are cut: each part is multiplied by its factor, from 0 to 1.
struct StopShare {
  double patience = 1;
  double save = 1;
  double need = 1;

  Duration of(const StopTime& time) const;
};

/// How the times of a plan are cut so that the plan fits what is left.
struct StopFit {
  double patience = 1;
  double need = 1;                     ///< also of saves
  bool whole_saves = false;            ///< those that are not in `unsaved` succeed, and no power-off follows
  std::set<std::string> unsaved = {};  ///< uuids of VMs for whose save there is no time: it gets what patience gets

  StopShare share(const std::string& uuid) const;
  Duration of(const StopLeft& left) const;
};

/// When each VM is off at the latest, in seconds from the begin, when nothing is cut. \return by uuid
std::map<std::string, double> stop_ends(const std::vector<PlannedStop>& plan, std::int64_t parallel);

/// Where the time is too short, patience is cut in the same way for all VMs, however they stand in line. A save is of
/// use only as a whole: as many VMs as possible get all the time that their save needs. But a guess is mostly too long,
/// and no VM is given up for one: while any save is guessed, all needs are cut in the same way, so that a third is left
/// for patience. An action that is under way shares in what others leave. \param left by wave: its VMs that are
/// not off \param parallel how many are stopped at once \param budget time for all of it
StopFit fit_stops(const StopWaves& left, std::int64_t parallel, Duration budget);

/// How much longer the action of one VM that is under way may take, so that the others, cut like that, still fit.
Duration spare_time(const StopWaves& left, const std::string& uuid, const StopFit& fit, std::int64_t parallel,
                    Duration budget);

}  // namespace virtsession
