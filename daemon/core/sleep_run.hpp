// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/context.hpp"
#include "core/moment.hpp"
#include "core/operation.hpp"
#include "core/policy.hpp"
#include "core/result.hpp"

namespace virtsession {

class Vm;
class Vms;

/// The host sleeps: VMs are paused or saved before, by their policies, and go on after it; guests get the time that has
/// passed. Only what was done for the sleep is undone.
class SleepRun {
 public:
  SleepRun(const Context& context, Vms& vms) : context_(context), vms_(vms) {}

  /// \param all_stop all VMs are being stopped: nothing is done for the sleep
  void begin(bool all_stop);
  void end();
  void advance(Moment now);
  /// \return whether the call was one that was made for the sleep
  bool on_call_done(Vm& vm, OperationId id, const Result<void>& result, bool all_stop, Moment now);
  void on_libvirt_lost();
  /// The host's sleep has to wait for us: a VM has to be paused or saved before.
  bool wants_lock() const;

 private:
  void put_to_sleep(Vm& vm, SleepAction action);
  void wake_up(Vm& vm, Moment now);
  void set_clock(Vm& vm, Moment now);

  const Context& context_;
  Vms& vms_;
  bool host_sleeps_ = false;
};

}  // namespace virtsession
