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
/// Timers are late, and libvirt takes its milliseconds: what is given to patience leaves so much, but no more than a
/// twentieth.
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

/// The VMs of one wave that a save may take time for, those that need least first, and what the wave takes when so many
/// of them are saved.
struct SavesOfWave {
  std::vector<std::string> uuids;
  std::vector<double> takes;  ///< by how many are saved, from 0
};

SavesOfWave saves_of(const std::vector<StopLeft>& wave, std::int64_t parallel) {
  StopFit fit{0, {}}, none{0, {}};
  for (const auto& left : wave) none.unsaved.insert(left.uuid);
  std::vector<std::pair<Duration, std::string>> needs;
  for (const auto& left : wave)
    if (const auto need = fit.of(left) - none.of(left); need > Duration{}) needs.emplace_back(need, left.uuid);
  std::ranges::sort(needs);
  for (const auto& [need, uuid] : needs) fit.unsaved.insert(uuid);
  SavesOfWave saves;
  saves.takes.push_back(together(wave, fit, parallel));
  for (const auto& [need, uuid] : needs) {
    fit.unsaved.erase(uuid);
    saves.uuids.push_back(uuid);
    saves.takes.push_back(together(wave, fit, parallel));
  }
  return saves;
}

/// Who is not saved, so that as many as possible are: of two choices the one that takes less, and then the one that
/// leaves out who stops later, since there may be more time by then.
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
  const auto cut = [this](Duration duration) { return from_seconds(seconds(duration) * patience); };
  return time.need + cut(time.patience) + (saves ? time.save : cut(time.save));
}

Duration StopFit::of(const StopLeft& left) const {
  const auto share_of_it = share(left.uuid);
  return share_of_it.of(left.to_come) + std::max(left.given, share_of_it.of(left.under_way) - left.had);
}

StopFit fit_stops(const std::map<std::uint32_t, std::vector<StopLeft>>& left, std::int64_t parallel, Duration budget) {
  const auto takes = [&](const StopFit& fit) {
    double all = 0;
    for (const auto& [wave, vms] : left) all += together(vms, fit, parallel);
    return all;
  };
  const auto have = std::max(seconds(budget), 0.0);
  if (takes({}) <= have) return {};
  std::vector<SavesOfWave> saves;
  for (const auto& [wave, vms] : left) saves.push_back(saves_of(vms, parallel));
  StopFit fit{0, choose_unsaved(saves, have)};
  const auto for_patience = have - std::min(kMostSlackSec, have / 20);
  fit.patience = largest([&](double patience) { return takes({patience, fit.unsaved}) <= for_patience; });
  return fit;
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
