// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/context.hpp"
#include "core/host_power.hpp"
#include "core/moment.hpp"
#include "core/operation.hpp"
#include "core/result.hpp"
#include "core/views.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

class Vm;
class Vms;
struct WantedFacts;

/// The host runs on its battery, and then that is low: VMs that run are paused or saved, by their policies (on_battery,
/// on_low_battery; the one that does more decides while the battery is low), and go on when the host is on mains again.
/// What is done follows a change, and only that: a VM that somebody resumes or starts meanwhile runs until the battery
/// gets low, and one that a person has paused stays paused.
class BatteryRun {
 public:
  /// A change counts after this time, since a plug may be moved or loose; that the battery is low counts at once.
  static constexpr Duration kSettles = std::chrono::seconds(5);

  /// \param power what the host ran on when the last instance looked
  BatteryRun(const Context& context, Vms& vms, HostPower power) : context_(context), vms_(vms), power_(power) {}

  void advance(Moment now);
  /// \return whether the call was one that was made for this \param all_stop all VMs are being stopped
  bool on_call_done(Vm& vm, OperationId id, const Result<void>& result, bool all_stop, Moment now);
  void on_libvirt_lost();
  std::optional<SteadyTime> wake() const;
  /// Adds what has to be known of the host: nothing while no VM runs whose policy asks for it.
  void add_wanted(WantedFacts& wanted) const;
  /// What VMs were told of; unknown while nobody wants to know.
  HostPower power() const { return power_; }
  /// What of the VM's policy cannot be done, and why.
  std::vector<Problem> problems(const Vm& vm) const;

 private:
  struct Change {
    HostPower to;
    SteadyTime counts_at;
  };

  bool is_wanted() const;
  HostPower seen() const;
  void look(Moment now);
  void change_to(HostPower power);
  bool hold_due(Vm& vm, Moment now);
  void end_holds(Moment now);

  const Context& context_;
  Vms& vms_;
  HostPower power_;
  std::optional<Change> change_;
  /// Uuids of VMs that the last change is about, and that libvirt has not paused or saved yet.
  std::set<std::string> due_;
  bool charge_is_told_ = true;
};

}  // namespace virtsession
