// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/backoff.hpp"

#include <algorithm>
#include <cmath>

namespace virtsession {

Duration Backoff::wait(std::uint32_t attempt, Duration first, Duration most) {
  const auto seconds = std::chrono::duration<double>(first).count() * std::exp2(std::min(attempt, 32U));
  const auto limited = std::min(seconds, std::chrono::duration<double>(std::max(first, most)).count());
  std::uniform_real_distribution<double> vary(0.8, 1.2);
  return from_seconds(limited * vary(random_));
}

}  // namespace virtsession
