// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <unistd.h>

#include <cstdlib>

namespace virtsession::test {

/// A number from the environment, or what the short run has, or what FAULT_LONG=1 has.
inline int setting(const char* name, int in_short_run, int in_long_run) {
  if (const char* const value = std::getenv(name)) return std::atoi(value);
  const char* const is_long = std::getenv("FAULT_LONG");
  return is_long && std::atoi(is_long) > 0 ? in_long_run : in_short_run;
}

/// A case that has come so far does not hang: its limit (tests/doctest_main.cpp) begins anew. A step takes less.
inline void note_progress() { alarm(600); }

}  // namespace virtsession::test
