// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/domain.hpp"
#include "core/guest_shutdown.hpp"
#include "core/moment.hpp"
#include "core/policy.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace virtsession {

/// A VM that runs and is not ready yet.
struct ReadyWait {
  Readiness readiness;
  SteadyTime since;
  bool ordered = false;   ///< part of a run of autostart: VMs of a later order wait for it, too
  bool answered = false;  ///< its service has, for readiness by TCP
};

/// When a save was asked for.
struct SaveBegun {
  SteadyTime when;
  bool paused = false;  ///< a person had paused the VM
};

/// One run of a VM's QEMU, and what dies with it.
class Run {
 public:
  /// \param started_usec CLOCK_REALTIME, microseconds; 0 when it is not known
  explicit Run(std::uint64_t started_usec) : started_usec_(started_usec) {}

  std::uint64_t started_usec() const { return started_usec_; }
  /// What libvirt tells of it while it runs.
  void on_event(DomainEventKind kind);
  /// Its end came from the host's side: destroyed, or QEMU was sent SIGTERM.
  bool host_ended_it() const { return host_ended_it_; }
  /// The guest powered itself off.
  bool guest_ended_it() const { return guest_ended_it_; }
  bool panicked() const { return panicked_; }

  void wait_until_ready(ReadyWait wait) { ready_wait_ = std::move(wait); }
  const ReadyWait* ready_wait() const { return ready_wait_ ? &*ready_wait_ : nullptr; }
  void on_tcp_ready();
  void ready() { ready_wait_.reset(); }
  /// It does not get ready any more: who waits for it goes on.
  void forgo_readiness();
  void set_never_ready() { never_ready_ = true; }
  bool never_ready() const { return never_ready_; }

  /// Somebody asked for its end.
  void end_for(const Cause& cause) { end_cause_ = cause; }
  void keep_running();
  const std::optional<Cause>& end_cause() const { return end_cause_; }

  /// The guest has just booted: it may not see its power button yet.
  bool boots(Moment now) const;
  void on_rebooted(Moment now);
  /// The guest was told to shut down, and may be at it.
  bool was_told_to_shut_down() const { return told_to_shut_down_; }
  void set_told_to_shut_down() { told_to_shut_down_ = true; }

  /// Somebody wants the guest to shut down, and gives it until `deadline`; the most patient one decides.
  void wait_until_off(SteadyTime deadline, Moment now);
  void stop_waiting_until_off();
  const std::optional<SteadyTime>& off_by() const { return off_by_; }
  /// How it is asked to; nullptr when nobody wants it, but a stop of all.
  GuestShutdown* shutdown() { return shutdown_ ? &*shutdown_ : nullptr; }
  const GuestShutdown* shutdown() const { return shutdown_ ? &*shutdown_ : nullptr; }

  /// Its memory is being saved, or was about to be.
  void save_begins(SaveBegun save) { save_begun_ = save; }
  void save_failed() { save_begun_.reset(); }
  const std::optional<SaveBegun>& save_begun() const { return save_begun_; }
  /// libvirt's words when it refused to save it: it would again. Empty when it did not.
  const std::string& save_refusal() const { return save_refusal_; }
  void set_save_refusal(const std::string& why) { save_refusal_ = why; }

  /// The guest stood still: its clock is to be set when its agent can be asked.
  void set_clock_stale() { clock_stale_ = true; }
  void set_clock_right() { clock_stale_ = false; }
  bool clock_stale() const { return clock_stale_; }

  /// A guest that an I/O error had paused was told to go on.
  void unstuck_at(SteadyTime when) { unstuck_at_ = when; }
  const std::optional<SteadyTime>& unstuck() const { return unstuck_at_; }

  void set_scope(const std::string& scope) { scope_ = scope; }
  /// The systemd unit of its processes; empty until it has one.
  const std::string& scope() const { return scope_; }

 private:
  std::uint64_t started_usec_;
  std::uint64_t booted_usec_ = started_usec_;
  std::optional<ReadyWait> ready_wait_;
  std::optional<Cause> end_cause_;
  std::optional<SteadyTime> off_by_;
  std::optional<GuestShutdown> shutdown_;
  bool told_to_shut_down_ = false;
  std::optional<SaveBegun> save_begun_;
  std::string save_refusal_;
  bool host_ended_it_ = false;
  bool guest_ended_it_ = false;
  bool panicked_ = false;
  bool never_ready_ = false;
  bool clock_stale_ = false;
  std::optional<SteadyTime> unstuck_at_;
  std::string scope_;
};

}  // namespace virtsession
