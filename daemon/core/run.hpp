// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/addresses.hpp"
#include "core/cause.hpp"
#include "core/domain.hpp"
#include "core/guest_shutdown.hpp"
#include "core/moment.hpp"
#include "core/policy.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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

/// Whether a VM that runs is ready, so that others may go on.
class RunReadiness {
 public:
  void wait_for(ReadyWait wait) { wait_ = std::move(wait); }
  /// nullptr: it is ready, or is not waited for
  const ReadyWait* wait() const { return wait_ ? &*wait_ : nullptr; }
  /// Its service has answered, for readiness by TCP.
  void on_tcp_answer();
  void reached() { wait_.reset(); }
  /// It will not become ready: VMs that wait for it go on.
  void give_up();
  void set_never() { never_ = true; }
  bool never() const { return never_; }

 private:
  std::optional<ReadyWait> wait_;
  bool never_ = false;
};

/// Somebody wants the guest to shut down. Not the stop of all, which has a ladder of its own: VmStop.
class OffWait {
 public:
  /// Until `deadline`; the most patient one decides.
  void begin(SteadyTime deadline, Moment now);
  void end();
  /// Nothing when nobody waits.
  const std::optional<SteadyTime>& deadline() const { return deadline_; }
  /// How the guest is asked; nullptr when nobody waits.
  GuestShutdown* shutdown() { return shutdown_ ? &*shutdown_ : nullptr; }
  const GuestShutdown* shutdown() const { return shutdown_ ? &*shutdown_ : nullptr; }

 private:
  std::optional<SteadyTime> deadline_;
  std::optional<GuestShutdown> shutdown_;
};

/// How the memory of a run is saved.
class RunSave {
 public:
  /// It is being saved, or about to be.
  void begin(SaveBegun save);
  void failed();
  const std::optional<SaveBegun>& begun() const { return begun_; }
  /// Another client of libvirt has begun to save it. \param boxes_open GNOME Boxes was open then
  void begin_by_others(bool boxes_open) { by_boxes_ = boxes_open; }
  bool by_boxes() const { return by_boxes_; }
  /// How far it is, per cent, 0 to 100; nothing while that is not known.
  const std::optional<int>& progress() const { return progress_; }
  void set_progress(int percent) { progress_ = percent; }
  /// How long it takes from begin to end, as fast as it is; nothing while that is not known.
  const std::optional<Duration>& takes() const { return takes_; }
  void set_takes(Duration takes) { takes_ = takes; }
  /// libvirt's words when it refused to save it: it would again. Empty when it did not.
  const std::string& refusal() const { return refusal_; }
  void set_refusal(const std::string& why) { refusal_ = why; }

 private:
  std::optional<SaveBegun> begun_;
  std::optional<int> progress_;
  std::optional<Duration> takes_;
  std::string refusal_;
  bool by_boxes_ = false;
};

/// The guest stands still, or did.
class RunStandstill {
 public:
  /// The guest stood still: its clock is to be set when its agent can be asked.
  void set_clock_stale(bool stale) { clock_stale_ = stale; }
  bool clock_stale() const { return clock_stale_; }

  /// A guest that an I/O error had paused was told to go on.
  void unstuck_at(SteadyTime when) { unstuck_at_ = when; }
  const std::optional<SteadyTime>& unstuck() const { return unstuck_at_; }

  /// What an event said since libvirt was asked: shown at once, judged with libvirt's answer. Only `paused` and
  /// `running`.
  const std::optional<DomainState>& heard() const { return heard_; }
  void set_heard(std::optional<DomainState> state) { heard_ = state; }
  /// Until when an event may be of a call of ours that has its answer, or of an earlier one, and says nothing new.
  SteadyTime echoes_until() const { return echoes_until_; }
  void set_echoes_until(SteadyTime time) { echoes_until_ = time; }

  /// The guest was seen to wake up from its sleep (ACPI S3) then.
  void woke_at(SteadyTime when) { woke_at_ = when; }
  /// It may be waking up: on its way the firmware resets the machine, which is no reboot.
  bool is_waking(Moment now) const;

  /// When another client of libvirt paused the guest; nothing when it runs, or was paused otherwise
  void set_paused_by_others(std::optional<SteadyTime> when) { paused_by_others_ = when; }
  const std::optional<SteadyTime>& paused_by_others() const { return paused_by_others_; }

 private:
  bool clock_stale_ = false;
  std::optional<SteadyTime> unstuck_at_;
  std::optional<SteadyTime> woke_at_;
  std::optional<DomainState> heard_;
  SteadyTime echoes_until_;
  std::optional<SteadyTime> paused_by_others_;
};

/// One run of a VM's QEMU, and what dies with it.
class Run {
 public:
  /// \param started_usec CLOCK_REALTIME, microseconds; 0 when it is not known
  explicit Run(std::uint64_t started_usec) : started_usec_(started_usec) {}

  std::uint64_t started_usec() const { return started_usec_; }
  /// Of one that began before it was seen.
  void learn_start(std::uint64_t started_usec);
  /// What libvirt tells of it while it runs.
  void on_event(DomainEventKind kind);
  /// Its end came from the host's side: destroyed, or QEMU was sent SIGTERM.
  bool host_ended_it() const { return host_ended_it_; }
  /// The guest powered itself off.
  bool guest_ended_it() const { return guest_ended_it_; }
  bool panicked() const { return panicked_; }

  RunReadiness& readiness() { return readiness_; }
  const RunReadiness& readiness() const { return readiness_; }
  OffWait& off_wait() { return off_wait_; }
  const OffWait& off_wait() const { return off_wait_; }
  RunSave& saving() { return saving_; }
  const RunSave& saving() const { return saving_; }
  RunAddresses& addresses() { return addresses_; }
  const RunAddresses& addresses() const { return addresses_; }
  RunStandstill& standstill() { return standstill_; }
  const RunStandstill& standstill() const { return standstill_; }

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

  /// QEMU's forwards that its policy has had made, by alias. Others are left alone.
  void set_own_forwards(const std::vector<Forward>& forwards) { own_forwards_ = forwards; }
  const std::vector<Forward>& own_forwards() const { return own_forwards_; }

  void set_scope(const std::string& scope) { scope_ = scope; }
  /// The systemd unit of its processes; empty until it has one.
  const std::string& scope() const { return scope_; }

 private:
  std::uint64_t started_usec_;
  std::uint64_t booted_usec_ = started_usec_;
  RunReadiness readiness_;
  OffWait off_wait_;
  RunSave saving_;
  RunAddresses addresses_;
  RunStandstill standstill_;
  std::optional<Cause> end_cause_;
  bool told_to_shut_down_ = false;
  bool host_ended_it_ = false;
  bool guest_ended_it_ = false;
  bool panicked_ = false;
  std::vector<Forward> own_forwards_;
  std::string scope_;
};

}  // namespace virtsession
