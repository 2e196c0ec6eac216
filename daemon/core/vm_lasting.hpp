// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace virtsession {

/// What is known of a VM for longer than a login.
struct VmLasting {
  std::uint64_t save_kib_per_sec = 0;  ///< how fast its memory was saved the last time; 0 when it never was
  /// Its guest was saved in the middle of a shutdown that it was asked for, which it ends when it is restored.
  bool shutdown_interrupted = false;
  std::uint64_t restored_usec = 0;  ///< when it was, CLOCK_REALTIME, microseconds; 0: not yet

  /// A person had paused it before it was saved: it is left paused when it is restored.
  bool saved_paused = false;

  bool operator==(const VmLasting&) const = default;
};

}  // namespace virtsession
