// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <span>
#include <string>

namespace virtsession {

enum class KvmStep { open, create, run, done };

struct KvmProbe {
  KvmStep step = KvmStep::open;  ///< the one that failed or hangs, or `done`
  int error = 0;                 ///< errno of that step
  bool hangs = false;            ///< it did not return within the limit
};

/// What the tiny guest executes: HLT, which ends it.
inline constexpr unsigned char kHaltingGuest[] = {0xf4};

/// Opens `device` as QEMU would, makes a VM with one page of memory and one CPU, and on x86 lets it execute `guest`
/// (16-bit code), all in a child process: a device that hangs must not hang us. Blocks, for little longer than `limit`
/// at most. From any thread.
KvmProbe probe_kvm(const std::string& device, std::chrono::milliseconds limit,
                   std::span<const unsigned char> guest = kHaltingGuest);

}  // namespace virtsession
