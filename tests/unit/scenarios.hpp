// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace virtsession {

/// How many of `count` random scenarios to run: fewer under the thread sanitizer, which makes each slow, and for which
/// there is nothing to find in a core of one thread.
constexpr std::uint32_t scenarios(std::uint32_t count) {
#ifdef VIRTSESSION_THREAD_SANITIZER
  return count / 10;
#else
  return count;
#endif
}

}  // namespace virtsession
