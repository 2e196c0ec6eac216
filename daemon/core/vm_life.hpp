// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/domain.hpp"
#include "core/moment.hpp"
#include "core/phase.hpp"
#include "core/result.hpp"

#include <optional>
#include <string>

namespace virtsession {

class Vm;

// What libvirt's snapshots mean for a VM. Snapshots say what is so; events only add what a snapshot cannot tell. The
// same rules therefore judge what was seen, what happened during a restart of libvirt, and while virtsessiond was down.

/// What the rules have to know beside the VM.
struct Surroundings {
  bool all_stop = false;        ///< all VMs are being stopped
  bool memory_ran_out = false;  ///< the kernel has just killed a VM's process for want of memory
  std::string missing_text;     ///< what the VM would have waited for and goes without, for its reason; or empty
};

/// What an event says of the VM's run. That its guest stands still or goes on is shown until libvirt's answer is
/// judged, which alone tells why. Not of what a call of ours does: that is shown with its end, which its event may come
/// after. \return whether the VM looks different
bool hear(Vm& vm, const DomainEvent& event, Moment now);
/// What an event said is shown: with libvirt's answer the VM may look different, also when that is the one before.
bool has_heard(const Vm& vm);
/// A call of ours that changes whether the VM runs has its answer.
void expect_echoes(Vm& vm, Moment now);
/// Who asked for the start that is under way; nothing when it is somebody else's.
std::optional<Cause> start_cause(const Vm& vm);
/// How a VM that was not there before came to be seen.
struct Sighting {
  bool just_now = false;    ///< it was not there a moment ago: if it runs, it was started just now
  bool in_history = false;  ///< libvirt told that it was defined
};
/// It is off, and the history has it already: nothing else that is known of it changes.
void appear(Vm& vm, const std::string& reason, Moment now);
void first_seen(Vm& vm, const Sighting& how, const Surroundings& around, Moment now);
/// \param before what was so before the snapshot that the VM has taken in
void judge(Vm& vm, const DomainSnapshot& before, const Surroundings& around, Moment now);
/// A run has begun. \param ours who asked virtsession for it; nothing: another client started it
void came_up(Vm& vm, const std::optional<Cause>& ours, bool restored, const Surroundings& around, Moment now);
void went_down(Vm& vm, const Surroundings& around, Moment now);
/// Nothing is asked of libvirt about this VM: a phase that says otherwise is left from a connection that was lost.
void settle(Vm& vm, bool state_changed, Moment now);
/// The one view of what a VM that is active does: the phase follows from it, and from the phase counts, advice and the
/// state of the autostart. For a VM about which nothing is under way.
void settle_active(Vm& vm, const Cause& cause, Moment now);
/// The phase by the same view: also for a VM that was left as it is.
Phase phase_of_active(const Vm& vm);
/// It was restored and stands still, and nobody had paused it: it has to be told to go on.
bool is_to_go_on(const Vm& vm);
/// Why nobody can have it started now: it is on its way down, or libvirt is at it.
std::optional<Error> start_obstacle(const Vm& vm);
/// An answer to all that wait until it is off.
void end_off_wait(Vm& vm, const Result<void>& result);

}  // namespace virtsession
