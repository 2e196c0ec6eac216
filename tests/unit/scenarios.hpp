// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace virtsession {

/// A number from the environment; 0 when it is not there.
inline std::uint32_t number_in_environment(const char* name) {
  const char* const text = std::getenv(name);
  return text ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)) : 0;
}

/// The seeds of random scenarios, first and last. As a rule these are 1 to `count`: fewer under the thread sanitizer,
/// which makes each slow, and for which there is nothing to find in a core of one thread. VIRTSESSION_STEPS=N has as
/// many of them as have N steps, and VIRTSESSION_SEED=N is one alone, the one that a failure has printed.
class Scenarios {
 public:
  Scenarios(std::uint32_t count, std::uint32_t steps_each) {
#ifdef VIRTSESSION_THREAD_SANITIZER
    count /= 10;
#endif
    const auto steps = number_in_environment("VIRTSESSION_STEPS");
    if (steps > 0) count = std::max(1U, steps / steps_each);
    const auto seed = number_in_environment("VIRTSESSION_SEED");
    first_ = seed > 0 ? seed : 1;
    last_ = seed > 0 ? seed : count;
  }

  std::uint32_t first() const { return first_; }
  std::uint32_t last() const { return last_; }

 private:
  std::uint32_t first_ = 1, last_ = 1;
};

}  // namespace virtsession
