// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/kept_state.hpp"
#include "core/moment.hpp"
#include "core/request.hpp"
#include "core/stop_plan.hpp"
#include "core/views.hpp"
#include "core/vm_stop.hpp"
#include "core/vms.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace virtsession {

/// VMs are stopped by their policies: all, because a person wants it or because the session ends, in the reverse order
/// of their start, within the time there is; or one alone, which a stop of all makes a part of itself. At the end of
/// the session libvirt is not waited for: a daemon that hangs is replaced, and at the last call QEMU is ended without
/// it.
class StopRun final : private StopTerms {
 public:
  /// libvirt's daemon is reached again sooner than this, or does not come back: a stop does not wait longer for it.
  static constexpr Duration kReconnectTime = std::chrono::seconds(5);
  /// At the end of the session: a libvirt that is away for this long does not start any more. A guest that was not
  /// asked to shut down until then never will be, and waiting for the last call would only hold up the end.
  static constexpr Duration kLibvirtGivenUp = std::chrono::seconds(15);

  StopRun(const Context& context, Vms& vms) : context_(context), vms_(vms) {}

  /// Begins, or joins the one that is under way, whose deadline may come earlier by that.
  void begin(const Cause& cause, std::optional<SteadyTime> deadline, Moment now);
  /// \param up what runs or should, by uuid, for the next login
  void end_session(SteadyTime deadline, std::set<std::string> up, Moment now);
  /// An instance before was at it: it goes on to the same deadline.
  void resume(const KeptStop& stop, std::set<std::string> up);
  /// What was up at the last stop is known only now: what nobody has decided about since is for the next login as well.
  void learn_up(const std::set<std::string>& up);
  /// It was at this VM.
  void resume(Vm& vm);
  /// Somebody wants this VM to be stopped, alone: RequestKind::stop. It is answered when its stop has ended.
  void on_request(RequestId id, const VmRequest& request, Moment now);
  void advance(Moment now);
  /// Every VM that is being stopped goes on to its last action.
  void hurry(Moment now);
  void on_libvirt_lost(Moment now);
  /// \return whether the call was one of the VM's stop
  bool on_call_done(Vm& vm, const PendingCall& call, const Result<void>& result, Moment now);
  void on_rebooted(Vm& vm, Moment now);
  /// A transient VM is gone with its run. \return whether it was being stopped, which is told with how it ended
  bool on_gone(Vm& vm, Moment now);
  void on_progress(Vm& vm, const std::string& progress, Moment now);
  /// A QEMU that was terminated without libvirt has ended.
  void on_qemu_ended(Vm& vm);
  /// What was to be started is not any more; a call that is under way ends first.
  void drop_start(Vm& vm, Moment now);
  /// VMs of the last instance's list that ran and were not seen yet: they are waited for. Until they were seen.
  void wait_for_unseen(bool waits) { unseen_ = waits; }

  /// All VMs are being stopped.
  bool under_way() const { return current_ && !current_->over; }
  /// Nothing may be started: all VMs are being stopped, or the session is over.
  bool forbids_starts() const { return current_.has_value(); }
  bool ends_session() const override { return current_ && current_->ends_session; }
  bool session_over() const { return ends_session() && current_->over; }
  const Cause& cause() const override { return current_->cause; }
  SteadyTime begun() const { return current_->begun; }
  std::optional<SteadyTime> deadline() const { return current_ ? current_->deadline : std::nullopt; }
  const std::set<std::string>& up() const { return current_->up; }
  std::optional<SteadyTime> wake() const;

 private:
  struct Current {
    Cause cause;
    bool ends_session = false;
    std::optional<SteadyTime> deadline = {};
    SteadyTime begun{};
    std::optional<SteadyTime> connected_by = {};  ///< a libvirt that is not reached by then is replaced
    std::optional<SteadyTime> away_since = {};    ///< libvirt
    bool libvirt_given_up = false;                ///< as of the last advance(): wake() has no time
    bool hurried = false;
    bool resumed = false;  ///< an instance before has begun it
    std::set<std::string> up = {};
    std::map<std::string, StopOutcome> outcomes = {};  ///< by uuid
    bool over = false;
  };

  // StopTerms
  bool hurried() const override { return current_->hurried; }
  bool may_begin(const Vm& vm) const override;
  StopShare share(const Vm& vm, SteadyTime now) const override;
  Duration spare(const Vm& vm, SteadyTime now) const override;
  SteadyTime last_call() const override;

  Result<void> begin_alone(Vm& vm, const Cause& cause, Moment now);
  const StopTerms& terms(const Vm& vm) const;
  void advance_alone(Moment now);
  void start_over(Current run, Moment now);
  void cut_to_deadline(SteadyTime deadline, Moment now);
  void add_stops();
  void rebuild_plan();
  StopWaves left(SteadyTime now, bool anew) const;
  StopFit fit(const StopWaves& left, SteadyTime now) const;
  void check_libvirt_answers(Moment now);
  void terminate_the_rest(Moment now);
  void look_at_ends();
  void end(Moment now);

  const Context& context_;
  Vms& vms_;
  std::optional<Current> current_;
  std::map<std::string, PlannedStop> plan_;  ///< by uuid, of all that was to be stopped
  bool unseen_ = false;
};

}  // namespace virtsession
