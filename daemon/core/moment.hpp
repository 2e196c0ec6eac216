// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace virtsession {

using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// The time of an event, passed in from outside: the core never asks a clock.
struct Moment {
  SteadyTime steady;            ///< for delays and deadlines
  std::uint64_t wall_usec = 0;  ///< CLOCK_REALTIME in microseconds, for people
};

inline Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

/// "12 s", for people.
inline std::string seconds_text(Duration duration) {
  return std::to_string(std::chrono::round<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace virtsession
