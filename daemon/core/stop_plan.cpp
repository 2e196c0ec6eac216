// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_plan.hpp"

#include "core/start_plan.hpp"

#include <algorithm>
#include <functional>
#include <limits>
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
/// What needs that do not fit the budget get of it, when saves are guessed; the rest is for patience.
constexpr double kMostForNeeds = 2.0 / 3;
/// Timers are late, and libvirt takes its milliseconds: what is given to patience leaves so much, but no more than a
/// twentieth. A save that has so much too little is tried: what it takes is an estimate, too.
constexpr double kMostSlackSec = 1;

double seconds(Duration duration) { return std::chrono::duration_cast<Seconds>(duration).count(); }

/// Seconds that VMs of one wave take at most: rounds of the longest, or what the others leave it when each begins as
/// soon as there is room (Graham's bound for list scheduling).
double together(const std::vector<StopLeft>& wave, const StopFit& fit, std::int64_t parallel) {
  Duration longest{}, sum{};
  for (const auto& left : wave) {
    longest = std::max(longest, fit.of(left));
    sum += fit.of(left);
  }
  const auto count = static_cast<std::int64_t>(wave.size());
  const auto rounds = (count + parallel - 1) / parallel;
  const auto at_once = static_cast<double>(parallel);
  return std::min(static_cast<double>(rounds) * seconds(longest),
                  (seconds(sum) + (at_once - 1) * seconds(longest)) / at_once);
}

double all_together(const StopWaves& left, const StopFit& fit, std::int64_t parallel) {
  double all = 0;
  for (const auto& [wave, vms] : left) all += together(vms, fit, parallel);
  return all;
}

bool any_guess(const StopWaves& left) {
  return std::ranges::any_of(left, [](const auto& wave) {
    return std::ranges::any_of(wave.second, [](const auto& vm) { return vm.saves() && vm.save_is_guessed; });
  });
}

double slack_of(double have) { return std::min(kMostSlackSec, have / 20); }

/// The VMs of one wave that a save may take time for, those that need least first, and what the wave takes when so many
/// of them are saved.
struct SavesOfWave {
  std::vector<std::string> uuids;
  std::vector<double> takes;  ///< by how many are saved, from 0
};

SavesOfWave saves_of(const std::vector<StopLeft>& wave, std::int64_t parallel) {
  StopFit fit{.patience = 0, .whole_saves = true};
  std::vector<std::pair<Duration, std::string>> saves;
  for (const auto& left : wave)
    if (left.saves()) saves.emplace_back(fit.of(left), left.uuid);
  std::ranges::sort(saves);
  for (const auto& [takes, uuid] : saves) fit.unsaved.insert(uuid);
  SavesOfWave result;
  result.takes.push_back(together(wave, fit, parallel));
  for (const auto& [takes, uuid] : saves) {
    fit.unsaved.erase(uuid);
    result.uuids.push_back(uuid);
    result.takes.push_back(together(wave, fit, parallel));
  }
  return result;
}

/// Which VMs are not saved, so that as many others as possible are: of two choices the one that takes less, and then
/// the one that leaves out VMs that stop later, since there may be more time by then.
std::set<std::string> choose_unsaved(const std::vector<SavesOfWave>& waves, double have) {
  std::vector<double> least{0};  // by how many are saved: what that takes
  std::vector<std::vector<std::size_t>> of_wave;
  for (const auto& wave : waves) {
    std::vector<double> next(least.size() + wave.uuids.size(), std::numeric_limits<double>::infinity());
    std::vector<std::size_t> saved(next.size());
    for (std::size_t here = 0; here < wave.takes.size(); ++here)
      for (std::size_t before = 0; before < least.size(); ++before)
        if (const auto takes = least[before] + wave.takes[here]; takes < next[before + here]) {
          next[before + here] = takes;
          saved[before + here] = here;
        }
    least = std::move(next);
    of_wave.push_back(std::move(saved));
  }
  auto count = least.size() - 1;
  while (count > 0 && least[count] > have) --count;
  std::set<std::string> unsaved;
  for (auto wave = waves.size(); wave-- > 0;) {
    const auto saved = of_wave[wave][count];
    const auto& uuids = waves[wave].uuids;
    unsaved.insert(uuids.begin() + static_cast<std::ptrdiff_t>(saved), uuids.end());
    count -= saved;
  }
  return unsaved;
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
  save += other.save;
  need += other.need;
  return *this;
}

StopTime& StopTime::operator-=(const StopTime& other) {
  patience -= other.patience;
  save -= other.save;
  need -= other.need;
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
    stop.time = stop_time(node.actions, node.timeout_sec, node.save_takes);
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

std::uint64_t save_speed(std::uint64_t memory_kib, Duration took) {
  const auto writes = std::max(seconds(took) - kSaveBaseSec, seconds(took) / 2);
  const auto kib = static_cast<double>(memory_kib);
  return writes <= 0 || kib < writes ? 0 : static_cast<std::uint64_t>(kib / writes);
}

StopTime stop_time(StopAction action, bool last, double timeout_sec, Duration save_takes) {
  const auto save_sec = seconds(save_takes);
  switch (action) {
    case StopAction::shutdown:
      return {from_seconds(timeout_sec), {}, {}};
    case StopAction::save: {
      const auto need = last ? save_sec : std::min(save_sec, timeout_sec);
      return {from_seconds(last ? 0 : timeout_sec - need), from_seconds(need), {}};
    }
    case StopAction::poweroff:
      return {{}, {}, from_seconds(kPowerOffSec)};
    case StopAction::leave:
      break;
  }
  return {};
}

StopTime stop_time(const std::vector<StopAction>& actions, double timeout_sec, Duration save_takes) {
  StopTime sum;
  for (const auto& action : actions) sum += stop_time(action, &action == &actions.back(), timeout_sec, save_takes);
  return sum;
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

Duration StopShare::of(const StopTime& time) const {
  return from_seconds(seconds(time.patience) * patience + seconds(time.save) * save + seconds(time.need) * need);
}

StopShare StopFit::share(const std::string& uuid) const {
  return {patience, unsaved.contains(uuid) ? patience : need, need};
}

Duration StopFit::of(const StopLeft& left) const {
  const auto cut = share(left.uuid);
  auto to_come = left.to_come;
  if (whole_saves && left.saves() && !unsaved.contains(left.uuid)) to_come.need = {};
  const auto under_way = cut.of(left.under_way) - left.had;
  return cut.of(to_come) + std::max(left.given, under_way);
}

StopFit fit_stops(const StopWaves& left, std::int64_t parallel, Duration budget) {
  const auto takes = [&](const StopFit& fit) { return all_together(left, fit, parallel); };
  const auto have = std::max(seconds(budget), 0.0);
  const auto slack = slack_of(have);
  StopFit fit;
  if (takes(fit) <= have) return fit;
  if (any_guess(left)) {
    const auto given = takes({.patience = 0, .need = 0});
    const auto for_needs = given + std::max(have - given, 0.0) * kMostForNeeds;
    const auto beside = [&](double patience, double most) {
      return largest([&](double need) { return takes({.patience = patience, .need = need}) <= most; });
    };
    if (takes({.patience = 0}) > have) fit.need = std::max(beside(0, for_needs), beside(1, have));
  } else {
    std::vector<SavesOfWave> saves;
    for (const auto& [wave, vms] : left) saves.push_back(saves_of(vms, parallel));
    fit.whole_saves = true;
    fit.unsaved = choose_unsaved(saves, have + slack);
  }
  fit.patience = largest([&](double patience) {
    auto cut = fit;
    cut.patience = patience;
    return takes(cut) <= have - slack;
  });
  return fit;
}

Duration spare_time(const StopWaves& left, const std::string& uuid, const StopFit& fit, std::int64_t parallel,
                    Duration budget) {
  const auto have = std::max(seconds(budget), 0.0);
  auto with = left;
  const auto fits = [&](double part) {
    for (auto& [wave, vms] : with)
      for (auto& vm : vms)
        if (vm.uuid == uuid) vm.given = from_seconds(have * part);
    return all_together(with, fit, parallel) <= have - slack_of(have);
  };
  return from_seconds(have * largest(fits));
}

std::map<std::string, double> stop_ends(const std::vector<PlannedStop>& plan, std::int64_t parallel) {
  std::map<std::string, double> ends;
  double begin = 0;
  for (auto wave = plan.begin(); wave != plan.end();) {
    const auto next = std::find_if(wave, plan.end(), [&](const auto& stop) { return stop.wave != wave->wave; });
    double longest = 0;
    for (auto stop = wave; stop != next; ++stop) longest = std::max(longest, seconds(StopShare{}.of(stop->time)));
    const auto rounds = (std::distance(wave, next) + parallel - 1) / parallel;
    for (; wave != next; ++wave) ends[wave->uuid] = begin + static_cast<double>(rounds) * longest;
    begin += static_cast<double>(rounds) * longest;
  }
  return ends;
}

}  // namespace virtsession
