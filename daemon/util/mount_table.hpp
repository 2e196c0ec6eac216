// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"
#include "util/mounts.hpp"
#include "util/unique_fd.hpp"

#include <functional>
#include <vector>

namespace virtsession {

/// What is mounted, kept up to date by the kernel's notice at /proc/self/mountinfo (proc(5)). No file system is
/// touched. Loop's thread only; the loop outlives it.
class MountTable {
 public:
  /// \param changed called on the loop after something was mounted or unmounted; it may not destroy this
  MountTable(EventLoop& loop, std::function<void()> changed);

  const std::vector<Mount>& mounts() const { return mounts_; }

 private:
  UniqueFd file_;
  std::vector<Mount> mounts_;
  EventSource source_;
};

}  // namespace virtsession
