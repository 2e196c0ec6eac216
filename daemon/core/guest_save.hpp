// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/moment.hpp"
#include "core/operation.hpp"
#include "core/result.hpp"

#include <string>

namespace virtsession {

class Vm;

// How a guest's memory is saved, for whatever reason.

/// How often the progress of a save is read.
inline constexpr Duration kSaveProgressInterval = std::chrono::seconds(1);

/// Why it cannot be, for a person: what its XML tells, or what libvirt has refused in this run; empty when it may be.
std::string save_obstacle(const Vm& vm);
/// How long it takes at most, by its size and how fast it was the last time.
Duration save_takes(const Vm& vm);
/// The same while VMs are being stopped: as fast as it is, as it was the last time, or as that of another VM.
Duration save_takes_now(const Vm& vm);
/// That is more than a guess.
bool save_speed_is_known(const Vm& vm);
/// Asks libvirt to save it. When it is restored it runs, whatever it does now, unless a person has paused it.
OperationId send_save(Vm& vm, bool bypass_cache, const Cause& cause, Moment now);
/// How far libvirt is with the save that is under way; `total_bytes` is not 0.
void on_save_progress(Vm& vm, const JobProgress& progress, Moment now);
/// libvirt could not. What it refuses is remembered for the VM's run: it would be refused again.
void on_save_failed(Vm& vm, const Error& error);
/// The VM is off because it was saved: how long that took is remembered.
void on_saved(Vm& vm, Moment now);

}  // namespace virtsession
