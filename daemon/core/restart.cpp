// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/restart.hpp"

#include <algorithm>
#include <cmath>

namespace virtsession {

Duration Backoff::wait(std::uint32_t attempt, Duration first, Duration most) {
  const auto seconds = std::chrono::duration<double>(first).count() * std::exp2(std::min(attempt, 32U));
  const auto limited = std::min(seconds, std::chrono::duration<double>(std::max(first, most)).count());
  std::uniform_real_distribution<double> vary(0.8, 1.2);
  return from_seconds(limited * vary(random_));
}

bool RestartBudget::take(const Policy& policy, SteadyTime now) {
  if (used(policy, now) >= static_cast<std::uint64_t>(policy.restart_limit)) return false;
  taken_.push_back(now);
  return true;
}

std::uint32_t RestartBudget::used(const Policy& policy, SteadyTime now) {
  while (!taken_.empty() && taken_.front() + from_seconds(policy.restart_window_sec) <= now) taken_.pop_front();
  return static_cast<std::uint32_t>(taken_.size());
}

}  // namespace virtsession
