// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/calls.hpp"
#include "core/cause.hpp"
#include "core/guest_shutdown.hpp"
#include "core/moment.hpp"
#include "core/result.hpp"
#include "core/stop_actions.hpp"
#include "core/stop_outcome.hpp"
#include "core/stop_plan.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

class Vm;

/// What the stop of one VM has to know beside the VM: the run that it is part of, or that it is stopped alone.
class StopTerms {
 public:
  virtual ~StopTerms() = default;
  virtual const Cause& cause() const = 0;
  /// The session ends: systemd ends whatever is left.
  virtual bool ends_session() const = 0;
  /// Nothing but the last action of each VM is tried any more.
  virtual bool hurried() const = 0;
  /// Those that stop before it are off, and fewer are being stopped than may be.
  virtual bool may_begin(const Vm& vm) const = 0;
  /// How the times of a VM's actions are cut so that the rest of the plan fits.
  virtual StopShare share(const Vm& vm, SteadyTime now) const = 0;
  /// How much longer the VM's action may take that is under way, at no cost to others.
  virtual Duration spare(const Vm& vm, SteadyTime now) const = 0;
  /// When what still runs is ended without libvirt.
  virtual SteadyTime last_call() const = 0;
};

/// Of a VM that somebody wants to be stopped, and no other: it waits for none, and every action has its full time.
class StopAlone final : public StopTerms {
 public:
  explicit StopAlone(Cause cause) : cause_(std::move(cause)) {}
  const Cause& cause() const override { return cause_; }
  bool ends_session() const override { return false; }
  bool hurried() const override { return false; }
  bool may_begin(const Vm&) const override { return true; }
  StopShare share(const Vm&, SteadyTime) const override { return {}; }
  Duration spare(const Vm&, SteadyTime) const override { return {}; }
  SteadyTime last_call() const override { return SteadyTime::max(); }

 private:
  Cause cause_;
};

/// One VM's way down, alone or in a run that stops all: its policy's stop_actions, one after the other, each for its
/// time. A guest is asked through its agent or by its power button again and again; a save that is not done in time is
/// aborted; the last action has all the time there is.
class VmStop {
 public:
  explicit VmStop(std::vector<StopAction> actions) : actions_(std::move(actions)) {}
  VmStop(std::vector<StopAction> actions, Cause asked_by) : actions_(std::move(actions)), alone_(std::move(asked_by)) {}

  /// Who wanted this VM alone to be stopped; nullptr: it is part of a run that stops all.
  const StopAlone* alone() const { return alone_ ? &*alone_ : nullptr; }

  /// Goes as far as it can now. \return whether others may go on because of it
  bool advance(Vm& vm, const StopTerms& terms, Moment now);
  /// \return whether the call was one of its own
  bool on_call_done(Vm& vm, const PendingCall& call, const Result<void>& result, const StopTerms& terms, Moment now);
  void on_rebooted(Vm& vm, const StopTerms& terms, Moment now);
  /// \param progress of its save, for people
  void on_progress(Vm& vm, const std::string& progress, const StopTerms& terms, Moment now);
  /// What was under way when libvirt was lost is tried again.
  void on_libvirt_lost();
  /// Somebody started the VM. One that waits was waiting for that start.
  void on_started() { started_again_ |= stage_ == Stage::acts || stage_ == Stage::ended; }
  /// What comes before its last action is left out; a save that is under way is aborted first.
  void hurry(Vm& vm, const StopTerms& terms, Moment now);
  /// A deadline came up: what is under way was given its time without it. \param share as if nothing were under way
  void cut(const Vm& vm, const StopShare& share, const StopTerms& terms, Moment now);
  /// QEMU is told to end without libvirt.
  void terminate(Vm& vm, const StopTerms& terms, Moment now);
  /// All that wait for it are answered. \param outcome nothing: somebody has started the VM again
  void end(const Vm& vm, std::optional<StopOutcome> outcome);
  /// The VM was transient, and is gone with its run.
  void on_gone(const Vm& vm);

  bool ended() const { return stage_ == Stage::ended; }
  bool queued() const { return stage_ == Stage::queued; }
  /// Others do not wait for it any more.
  bool overdue() const { return overdue_; }
  bool terminated() const { return terminated_; }
  bool started_again() const { return started_again_; }
  /// Its policy leaves it running.
  bool leaves() const { return !actions_.empty() && actions_.front() == StopAction::leave; }
  const std::optional<StopOutcome>& outcome() const { return outcome_; }
  const std::vector<StopAction>& actions() const { return actions_; }
  /// Nothing that is under way may still end well: SIGTERM to QEMU is better than what comes at the deadline.
  bool is_to_terminate(const Vm& vm) const;
  /// What its actions may still take. \param anew as if none were under way
  StopLeft time_left(const Vm& vm, SteadyTime now, bool anew) const;
  /// libvirt has left one of its calls without an answer for longer than it may.
  bool is_unanswered(SteadyTime now) const;
  void forgive_unanswered();
  /// When it has to be looked at. \param ends_session libvirt's answers are waited for with a limit
  std::optional<SteadyTime> wake(bool ends_session) const;

 private:
  enum class Stage {
    queued,  ///< VMs that stop before it are not off, or too many are being stopped
    waits,   ///< the first of its actions is due, and libvirt is still busy with the VM, or away
    acts,    ///< the first of its actions is under way
    ended,   ///< it is off, or nothing is left to be tried
  };

  bool pass_queue(Vm& vm, const StopTerms& terms, Moment now);
  bool is_forced() const;
  StopTime time_of_action(const Vm& vm) const;
  StopTime time_of_actions(const Vm& vm) const { return time_of(vm, actions_); }
  void begin_action(Vm& vm, const StopTerms& terms, Moment now);
  void act(Vm& vm, const StopTerms& terms, Moment now);
  void tell(Vm& vm, const std::string& progress, const StopTerms& terms, Moment now);
  void save(Vm& vm, const StopTerms& terms, Moment now);
  bool go_on(Vm& vm, const StopTerms& terms, Moment now);
  void ask_guest(Vm& vm, const StopTerms& terms, Moment now);
  void send(Vm& vm, Operation operation, const StopTerms& terms, Moment now);
  std::optional<Duration> time_to_act(const Vm& vm, const StopTerms& terms, Moment now) const;
  bool is_late(Vm& vm, const StopTerms& terms, Moment now);
  bool may_go_on(const Vm& vm, const StopTerms& terms, Moment now);
  bool time_is_up(Vm& vm, const StopTerms& terms, Moment now);
  void next_action(Vm& vm, const std::string& why, const StopTerms& terms, Moment now);
  bool is_to_be_asked_first(const Vm& vm, StopAction failed) const;

  Stage stage_ = Stage::queued;
  std::vector<StopAction> actions_;        ///< the first is tried now or next
  std::string failed_;                     ///< what was tried before, and how it ended: "; shutdown: ..."
  SteadyTime until_{};                     ///< acts: when the next action follows; waits: when others go on without it
  SteadyTime begun_{};                     ///< acts: when the action began
  SteadyTime expected_{};                  ///< acts: when the action should be over, by the plan
  SteadyTime look_again_{};                ///< acts: when to go on with the action
  std::optional<GuestShutdown> shutdown_;  ///< acts: how the guest is asked
  bool shutdown_tried_ = false;
  std::map<OperationId, SteadyTime> unanswered_;  ///< its calls, and until when libvirt has to answer
  bool overdue_ = false;
  bool ran_ = false;      ///< it was seen to run: there was something to be stopped
  bool saves_ = false;    ///< libvirt was asked to save it: a guest that sleeps is woken before
  bool aborted_ = false;  ///< its save was told to stop
  bool terminated_ = false;
  bool started_again_ = false;
  std::optional<StopOutcome> outcome_;
  std::optional<StopAlone> alone_;  ///< with its cause
};

}  // namespace virtsession
