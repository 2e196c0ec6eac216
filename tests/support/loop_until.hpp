// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace virtsession::test {

/// Generous, for sanitizers on a busy machine: reached only when a test fails.
inline constexpr std::chrono::seconds kDeadline{30};

/// Runs the loop until `condition()` holds. A deadline that passes, or a loop that ends, fails the test.
/// \param what is waited for, for whoever reads the failure: "the status of a.service"
template <class Condition>
void loop_until(EventLoop& loop, const std::string& what, Condition condition,
                std::chrono::milliseconds at_most = kDeadline) {
  const auto deadline = EventLoop::Clock::now() + at_most;
  bool goes_on = true;
  while (!condition()) {
    const auto left = deadline - EventLoop::Clock::now();
    if (!goes_on) FAIL("The loop ended while this was waited for: " << what);
    if (left.count() <= 0) FAIL("Waited in vain for: " << what);
    goes_on = loop.run_once(std::chrono::ceil<std::chrono::microseconds>(left));
  }
}

/// Dispatches everything that is ready now and returns as soon as the loop would sleep.
inline void loop_until_idle(EventLoop& loop) {
  while (sd_event_run(loop.get(), 0) > 0) {
  }
  loop.run_once(std::chrono::microseconds(0));  // throws what a handler threw
}

}  // namespace virtsession::test
