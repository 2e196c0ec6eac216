// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"
#include "core/policy.hpp"

#include <deque>
#include <random>

namespace virtsession {

/// Waits that double from `first` to `most`, each varied by up to a fifth so that many do not retry in step.
class Backoff {
 public:
  explicit Backoff(std::uint32_t seed) : random_(seed) {}

  /// \param attempt 0 for the first wait
  Duration wait(std::uint32_t attempt, Duration first, Duration most);

 private:
  std::minstd_rand random_;
};

/// How often a VM was restarted within its policy's window.
class RestartBudget {
 public:
  /// Takes one restart. \return false, and takes none, when `restart_limit` of them lie within `restart_window_sec`
  bool take(const Policy& policy, SteadyTime now);
  /// Restarts within the window, which is what the next wait grows with.
  std::uint32_t used(const Policy& policy, SteadyTime now);
  void reset() { taken_.clear(); }

 private:
  std::deque<SteadyTime> taken_;
};

}  // namespace virtsession
