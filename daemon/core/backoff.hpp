// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

#include <cstdint>
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

}  // namespace virtsession
