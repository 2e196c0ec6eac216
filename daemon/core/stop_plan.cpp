// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_plan.hpp"

#include "core/start_plan.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <tuple>

namespace virtsession {
namespace {

using Seconds = std::chrono::duration<double>;

// libvirt gives QEMU 10 s to end by itself before it kills it; as a rule it takes less than two.
constexpr double kPowerOffSec = 3;
// A slow disk: a guest's memory is written at 200 MiB/s or more by most.
constexpr std::uint64_t kSaveKibPerSec = 128 * 1024;
constexpr double kSaveBaseSec = 2;
/// What the needs of all together leave for patience when the budget is too small for both.
constexpr double kMostForNeeds = 2.0 / 3;

double seconds(Duration duration) { return std::chrono::duration_cast<Seconds>(duration).count(); }

/// Seconds that VMs of one wave take at most: rounds of the longest, or what the others leave it when each begins as
/// soon as there is room (Graham's bound for list scheduling).
double together(const std::vector<StopTime>& times, StopFit fit, std::int64_t parallel) {
  Duration longest{}, sum{};
  for (const auto& time : times) {
    longest = std::max(longest, fit.of(time));
    sum += fit.of(time);
  }
  const auto count = static_cast<std::int64_t>(times.size());
  const auto rounds = (count + parallel - 1) / parallel;
  const auto at_once = static_cast<double>(parallel);
  return std::min(static_cast<double>(rounds) * seconds(longest),
                  (seconds(sum) + (at_once - 1) * seconds(longest)) / at_once);
}

/// The largest factor from 0 to 1 that fits: what is larger than one that does not, does not either.
double largest(const std::function<bool(double)>& fits) {
  if (fits(1)) return 1;
  double low = 0, high = 1;
  for (int step = 0; step < 24; ++step) {
    const auto middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace

StopTime& StopTime::operator+=(const StopTime& other) {
  patience += other.patience;
  need += other.need;
  given += other.given;
  return *this;
}

StopTime& StopTime::operator-=(const StopTime& other) {
  patience -= other.patience;
  need -= other.need;
  given -= other.given;
  return *this;
}

std::vector<PlannedStop> plan_stops(const std::vector<StopNode>& nodes) {
  std::vector<StartNode> starts;
  std::map<std::string, const StopNode*> by_uuid;
  for (const auto& node : nodes) {
    by_uuid[node.uuid] = &node;
    starts.push_back(
        {node.uuid, node.name, node.stop_order ? -*node.stop_order : node.start_order, node.start_after, true, false});
  }
  auto planned_starts = plan_starts(std::move(starts));
  std::map<std::string, std::vector<std::string>> before;
  for (const auto& start : planned_starts)
    for (const auto& uuid : start.after) before[uuid].push_back(start.uuid);
  // From the end: a VM comes after all that stop before it. Each goes as early as it may.
  std::vector<PlannedStop> result;
  std::map<std::string, std::uint32_t> wave_of;
  std::uint32_t earlier_orders = 0, last = 0;
  std::ranges::reverse(planned_starts);
  for (const auto& start : planned_starts) {
    if (!result.empty() && result.back().order != -start.order) earlier_orders = last;
    PlannedStop stop{start.uuid, -start.order, earlier_orders + 1, std::move(before[start.uuid]), {}};
    for (const auto& uuid : stop.before) stop.wave = std::max(stop.wave, wave_of.at(uuid) + 1);
    wave_of[stop.uuid] = stop.wave;
    last = std::max(last, stop.wave);
    const auto& node = *by_uuid.at(stop.uuid);
    for (const auto& action : node.actions)
      stop.time += stop_time(action, &action == &node.actions.back(), node.timeout_sec, node.save_takes);
    result.push_back(std::move(stop));
  }
  std::ranges::sort(result, {}, [&](const auto& stop) {
    return std::tuple(stop.wave, std::string_view(by_uuid.at(stop.uuid)->name), std::string_view(stop.uuid));
  });
  return result;
}

Duration save_time(std::uint64_t memory_kib, std::uint64_t kib_per_sec) {
  const auto rate = static_cast<double>(kib_per_sec > 0 ? kib_per_sec : kSaveKibPerSec);
  return from_seconds(kSaveBaseSec + static_cast<double>(memory_kib) / rate);
}

StopTime stop_time(StopAction action, bool last, double timeout_sec, Duration save_takes) {
  const auto save_sec = seconds(save_takes);
  switch (action) {
    case StopAction::shutdown:
      return {from_seconds(timeout_sec), {}};
    case StopAction::save: {
      const auto need = last ? save_sec : std::min(save_sec, timeout_sec);
      return {from_seconds(last ? 0 : timeout_sec - need), from_seconds(need)};
    }
    case StopAction::poweroff:
      return {{}, from_seconds(kPowerOffSec)};
    case StopAction::leave:
      break;
  }
  return {};
}

std::chrono::microseconds stop_budget(std::optional<std::chrono::microseconds> unit,
                                      std::optional<std::chrono::microseconds> user) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  constexpr microseconds kNoLimit = std::chrono::hours(1);
  const auto less = [](microseconds limit, seconds margin) {
    return limit - std::min<microseconds>(margin, limit / 5);
  };
  // After us, systemd stops the VMs' scopes and the libvirt units.
  return std::min({kNoLimit, less(unit.value_or(kNoLimit), seconds(2)), less(user.value_or(kNoLimit), seconds(10))});
}

Duration until_last_call(Duration budget) {
  constexpr Duration kLastCall = std::chrono::seconds(5);
  return budget - std::min(kLastCall, budget / 4);
}

Duration StopFit::of(const StopTime& time) const {
  return time.given + from_seconds(seconds(time.patience) * patience + seconds(time.need) * need);
}

StopFit fit_stops(const std::map<std::uint32_t, std::vector<StopTime>>& left, std::int64_t parallel, Duration budget) {
  const auto takes = [&](StopFit fit) {
    double all = 0;
    for (const auto& [wave, times] : left) all += together(times, fit, parallel);
    return all;
  };
  const auto have = std::max(seconds(budget), 0.0);
  if (takes({}) <= have) return {};
  const auto given = takes({0, 0});
  const auto for_needs = given + std::max(have - given, 0.0) * kMostForNeeds;
  StopFit fit;
  fit.need = std::max(largest([&](double need) {
                        return takes({0, need}) <= for_needs;
                      }),
                      largest([&](double need) {
                        return takes({1, need}) <= have;
                      }));
  fit.patience = largest([&](double patience) { return takes({patience, fit.need}) <= have; });
  return fit;
}

std::map<std::string, double> stop_ends(const std::vector<PlannedStop>& plan, std::int64_t parallel) {
  std::map<std::string, double> ends;
  double begin = 0;
  for (auto wave = plan.begin(); wave != plan.end();) {
    const auto next = std::find_if(wave, plan.end(), [&](const auto& stop) { return stop.wave != wave->wave; });
    double longest = 0;
    for (auto stop = wave; stop != next; ++stop) longest = std::max(longest, seconds(StopFit{}.of(stop->time)));
    const auto rounds = (std::distance(wave, next) + parallel - 1) / parallel;
    for (; wave != next; ++wave) ends[wave->uuid] = begin + static_cast<double>(rounds) * longest;
    begin += static_cast<double>(rounds) * longest;
  }
  return ends;
}

}  // namespace virtsession
