// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/context.hpp"
#include "core/moment.hpp"
#include "core/operation.hpp"
#include "core/policy.hpp"
#include "core/result.hpp"
#include "core/views.hpp"

#include <optional>
#include <string>

namespace virtsession {

class Vm;
class Vms;

/// The host sleeps: VMs are paused or saved before, by their policies, and go on after it; guests get the time that has
/// passed. Only what was done for the sleep is undone. logind does not wait for long: what cannot be saved in that time
/// is paused instead, which takes none.
class SleepRun {
 public:
  SleepRun(const Context& context, Vms& vms) : context_(context), vms_(vms) {}

  /// \param delay for how long logind lets the host's sleep be delayed: InhibitDelayMaxSec= of logind.conf(5)
  void set_delay(Duration delay);
  /// \param all_stop all VMs are being stopped: nothing is done for the sleep
  void begin(bool all_stop, Moment now);
  void end(Moment now);
  bool host_sleeps() const { return host_sleeps_; }
  void advance(Moment now);
  /// \return whether the call was one that was made for the sleep
  bool on_call_done(Vm& vm, OperationId id, const Result<void>& result, bool all_stop, Moment now);
  void on_libvirt_lost();
  /// The host's sleep has to wait for us: a VM has to be paused or saved before.
  bool wants_lock() const;
  std::optional<SteadyTime> wake() const;
  /// Why a VM that is to be saved for the host's sleep is paused instead, and what helps; nothing when it is not.
  std::optional<Problem> problem(const Vm& vm) const;

 private:
  Duration time_to_save() const;
  std::string why_not_saved(const Vm& vm, Duration others) const;
  void give_up_saves(Moment now);
  void set_clock(Vm& vm, Moment now);

  const Context& context_;
  Vms& vms_;
  bool host_sleeps_ = false;
  Duration delay_ = std::chrono::seconds(5);  ///< logind's default
  SteadyTime saved_by_{};                     ///< while the host goes to sleep: saves that take longer are aborted
};

}  // namespace virtsession
