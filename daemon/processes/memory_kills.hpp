// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace virtsession {

/// Where the counts are; a test has its own.
struct MemoryKillSources {
  std::filesystem::path own_cgroup = "/proc/self/cgroup";
  std::filesystem::path cgroups = "/sys/fs/cgroup";
  std::filesystem::path vmstat = "/proc/vmstat";
};

/// Whether the kernel has killed processes of VMs for want of memory: the count of virtsession.slice, which outlives
/// the scope of a VM that was killed (memory.events, see the kernel's cgroup-v2.rst). Where the slice has none, without
/// the memory controller, the count of the whole host, as the best that is known. Reads a small file of the kernel's.
class MemoryKills {
 public:
  explicit MemoryKills(MemoryKillSources sources = {});
  /// Whether there was one since the last call, or since it was made.
  bool any_new();

 private:
  std::uint64_t count() const;

  std::filesystem::path events_;  ///< or vmstat
  std::uint64_t seen_ = 0;
};

}  // namespace virtsession
