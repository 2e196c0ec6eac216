// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace virtsession::test {

/// A condition that was waited for did not come true.
class TimedOut : public std::runtime_error {
 public:
  TimedOut(std::string_view what, std::chrono::milliseconds timeout)
      : std::runtime_error("timed out after " + std::to_string(timeout.count()) + " ms: " + std::string(what)) {}
};

/// Calls `predicate` every `interval` until what it returns is true in a condition, and returns that: a bool, or an
/// optional with what was waited for. It is called at least once, and once more after the timeout has passed.
/// @param what  names the condition in the error: "guest a is ready"
/// @param interval  longer for a predicate that is work, such as a command
/// @throws TimedOut, and whatever `predicate` throws
template <typename Predicate>
auto wait_until(Predicate predicate, std::chrono::milliseconds timeout, std::string_view what,
                std::chrono::milliseconds interval = std::chrono::milliseconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const bool is_last = std::chrono::steady_clock::now() >= deadline;
    if (auto result = predicate()) {
      return result;
    }
    if (is_last) {
      throw TimedOut(what, timeout);
    }
    std::this_thread::sleep_for(interval);
  }
}

}  // namespace virtsession::test
