// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"
#include "core/policy.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace virtsession {

struct Cause;
class Vm;

/// How often a VM was restarted within its policy's window.
class RestartBudget {
 public:
  /// Takes one restart. \return false, and takes none, when `restart_limit` of them lie within `restart_window_sec`
  bool take(const Policy& policy, SteadyTime now);
  /// Restarts within the window, which is what the next wait grows with.
  std::uint32_t used(const Policy& policy, SteadyTime now);
  /// Restarts since the last reset.
  std::uint32_t count() const { return count_; }
  /// \param count that an instance before had counted
  void reset(std::uint32_t count = 0) {
    taken_.clear();
    count_ = count;
  }

 private:
  std::vector<SteadyTime> taken_;  ///< oldest first
  std::uint32_t count_ = 0;
};

/// How a run ended that nobody had asked to end.
enum class CrashKind {
  crashed,        ///< QEMU was killed, or ended with an error
  out_of_memory,  ///< the kernel killed QEMU for want of memory
  panicked,       ///< the guest did, and its on_crash ended it
  signalled       ///< QEMU was sent SIGTERM by something that is not libvirt
};

/// When a crashed VM is restarted: if its policy wants it, nobody had stopped it, and the session goes on; after a wait
/// that grows, and for as much memory as it may take if it ran out; until `restart_limit` restarts lie within
/// `restart_window_sec`, when it gives up. \param all_stop all VMs are being stopped
void after_crash(Vm& vm, CrashKind kind, bool all_stop, Moment now);

/// What should run and does not is left off, until a person helps.
void give_up(Vm& vm, const std::string& reason, const Cause& cause, Moment now);

}  // namespace virtsession
