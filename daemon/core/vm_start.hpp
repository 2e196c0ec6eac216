// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/moment.hpp"
#include "core/policy.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

class Vm;

/// How far the start of one VM has come. Only stages that will go on by themselves hold up VMs of a later order.
enum class StartStage {
  queued,      ///< earlier orders, or VMs it starts after, come first
  delayed,     ///< start_delay_sec, until its time has come
  conditions,  ///< something about the host is not as its policy wants it
  slot,        ///< as many VMs as may start at once are starting
  starting,    ///< libvirt is at it
  backoff,     ///< it failed, and is tried again when its time has come
};

/// What a start has to know of the other VMs.
struct StartTurn {
  std::optional<std::int64_t> held_by_order;  ///< VMs of this earlier order come first
  std::vector<std::string> waits_for;         ///< names of VMs that have to be ready before
  std::uint64_t reserved_mib = 0;             ///< memory that VMs which were just started have not taken yet
  bool slot_free = true;                      ///< fewer VMs than may start at once are starting
};

/// What follows from a step of a start.
enum class StartStep {
  none,
  moved,  ///< others may go on because of it
  start,  ///< libvirt is to be asked now
  drop,   ///< the VM is not owed a start any more
};

/// One VM's way up by policy: its turn, its delay, its conditions, its attempts.
class VmStart {
 public:
  /// Part of a run of autostart: obeys orders, start_after and delays. \param marked goes when the autostart flag does
  static VmStart in_order(const Cause& cause, bool marked) { return {cause, true, marked, StartStage::queued, {}}; }
  /// Somebody wants it to start by its policy: waits for its turn, but is no part of a run of autostart.
  static VmStart asked(const Cause& cause) {
    VmStart start(cause, false, false, StartStage::queued, {});
    start.asked_ = true;
    return start;
  }
  /// On its own, at `when`.
  static VmStart at(SteadyTime when, const Cause& cause) { return {cause, false, false, StartStage::backoff, when}; }
  /// On its own, as soon as its conditions are met.
  static VmStart now(const Cause& cause) { return {cause, false, false, StartStage::slot, {}}; }

  const Cause& cause() const { return cause_; }
  bool ordered() const { return ordered_; }
  bool marked() const { return marked_; }
  bool asked() const { return asked_; }
  /// Obeys orders, start_after and delays.
  bool takes_turn() const { return ordered_ || asked_; }
  StartStage stage() const { return stage_; }

  /// The free memory that it waits for: its policy's, and its own size when memory had run out.
  std::int64_t free_memory_mib(const Vm& vm) const;
  /// Goes as far as it can now; the VM's phase says where it waits.
  StartStep advance(Vm& vm, const StartTurn& turn, Moment now);
  /// libvirt could not start it. \param text what failed, for people \return whether it is tried again
  bool on_failed(Vm& vm, const Error& error, const std::string& text, Moment now);
  void on_policy(const Policy& before, const Policy& after);
  /// Somebody asked libvirt for the start that it waits for.
  void taken_over() { stage_ = StartStage::starting; }
  /// The call is lost, or came to nothing: it is made again.
  void call_lost();
  /// When it has to be looked at for the passage of time.
  std::optional<SteadyTime> wake() const;

 private:
  VmStart(const Cause& cause, bool ordered, bool marked, StartStage stage, SteadyTime until)
      : cause_(cause), ordered_(ordered), marked_(marked), stage_(stage), until_(until) {}
  bool is_owed(const Vm& vm) const;
  StartStep pass_queue(Vm& vm, const StartTurn& turn, Moment now);
  StartStep pass_conditions(Vm& vm, const StartTurn& turn, Moment now);

  Cause cause_;
  bool ordered_;
  bool marked_;
  bool asked_ = false;
  StartStage stage_;
  SteadyTime until_;
  bool delay_over_ = false;     ///< start_delay_sec was waited for
  std::uint32_t attempt_ = 0;   ///< starts that have failed
  std::uint32_t unserved_ = 0;  ///< starts that failed for want of a daemon of libvirt's
};

}  // namespace virtsession
