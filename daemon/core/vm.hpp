// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/context.hpp"
#include "core/domain.hpp"
#include "core/outbox.hpp"
#include "core/phase.hpp"
#include "core/restart.hpp"
#include "core/run.hpp"
#include "core/vm_hold.hpp"
#include "core/vm_lasting.hpp"
#include "core/vm_policy.hpp"
#include "core/vm_start.hpp"
#include "core/vm_stop.hpp"

#include <functional>
#include <optional>
#include <string>

namespace virtsession {

/// Where a VM is in its life, for people.
struct VmStatus {
  Phase phase = Phase::inactive;
  std::string reason;
  std::uint64_t since_usec = 0;  ///< when it entered the phase: CLOCK_REALTIME, microseconds; 0 when it is not known
  Intent intent = Intent::none;
  std::string last_error = {};
};

/// One VM: what libvirt says of it, its policy, its phase and intent, and what is under way with it. Every change of
/// what people see goes through its methods, which mark it as changed. Rules are elsewhere: what a snapshot means in
/// vm_life, a crash in restart, the ways up and down in VmStart and VmStop.
class Vm {
 public:
  /// \param context outlives it \param mark is called when it may look different
  Vm(const Context& context, DomainSnapshot domain, std::function<void()> mark);

  const std::string& uuid() const { return domain_.uuid; }
  const std::string& name() const { return domain_.name; }
  const DomainSnapshot& domain() const { return domain_; }
  /// \return what was so before
  DomainSnapshot take_in(DomainSnapshot domain);

  const Policy& policy() const { return policy_.effective(); }
  const VmPolicy& keys() const { return policy_; }
  /// Reads its policy from its metadata and the configuration's defaults, and tells of new problems.
  void read_policy();

  const VmStatus& status() const { return status_; }
  /// Sets the phase and why; what is new goes to the history and the journal. \param told the journal has it already
  void enter(Phase phase, std::string reason, const Cause& cause, Moment now, bool told = false);
  void want(Intent intent);
  /// \param text of the last thing that failed; empty: that is over
  void set_error(std::string text);
  RestartBudget& restarts() { return restarts_; }
  const RestartBudget& restarts() const { return restarts_; }

  // What is under way; nullptr when it is not.
  Run* run() { return run_ ? &*run_ : nullptr; }
  const Run* run() const { return run_ ? &*run_ : nullptr; }
  VmStart* start() { return start_ ? &*start_ : nullptr; }
  const VmStart* start() const { return start_ ? &*start_ : nullptr; }
  VmStop* stop() { return stop_ ? &*stop_ : nullptr; }
  const VmStop* stop() const { return stop_ ? &*stop_ : nullptr; }
  VmHold* hold() { return hold_ ? &*hold_ : nullptr; }
  const VmHold* hold() const { return hold_ ? &*hold_ : nullptr; }
  void set_run(std::optional<Run> run);
  void set_start(std::optional<VmStart> start);
  void set_stop(std::optional<VmStop> stop);
  void set_hold(std::optional<VmHold> hold);
  const VmLasting& lasting() const { return lasting_; }
  void set_lasting(const VmLasting& lasting);
  /// Its stop has not ended.
  bool is_stopping() const { return stop_ && !stop_->ended(); }

  const Context& context() const { return context_; }
  /// What is known of it, without a change that the history or the journal is to hear of.
  void restore(const VmStatus& status);

 private:
  void touch() { mark_(); }

  const Context& context_;
  std::function<void()> mark_;
  DomainSnapshot domain_;
  VmPolicy policy_;
  VmStatus status_;
  VmLasting lasting_;
  RestartBudget restarts_;
  std::optional<Run> run_;
  std::optional<VmStart> start_;
  std::optional<VmStop> stop_;
  std::optional<VmHold> hold_;
};

/// Whether its policy starts it at login, and nobody has stopped it since.
bool policy_starts(const Vm& vm);

/// Whether its policy wants forwards, or it has some.
bool has_forwards(const Vm& vm);

// What is told of a VM.
/// \param client of a request over D-Bus: Caller::client
void journal(const Vm& vm, Incident incident, std::string text, std::string client = {});
void notify(const Vm& vm, Incident incident, std::string text);
void withdraw_notice(const Vm& vm, Incident incident);

}  // namespace virtsession
