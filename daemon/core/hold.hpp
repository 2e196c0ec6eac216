// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/moment.hpp"
#include "core/result.hpp"

#include <string>

namespace virtsession {

class Vm;

// How a VM is paused or saved for something that happens to the host, and goes on when that is over: its VmHold.

void hold_by_pause(Vm& vm, const Cause& why);
void hold_by_save(Vm& vm, const Cause& why, Moment now);
/// A save that is under way is aborted. \param because for a person: "the host is awake again"
void give_up_hold(Vm& vm, const std::string& because, Moment now);
/// libvirt has answered the pause or save. \param pause_instead a VM whose save failed is paused, or stays so
void on_hold_answered(Vm& vm, const Result<void>& result, bool pause_instead, Moment now);
/// What it was held for is over: it goes on, when libvirt is at nothing else with it. One that somebody started,
/// stopped or resumed since is left as it is.
void end_hold(Vm& vm, const Cause& over, Moment now);
/// Somebody resumed it, or wants it to stay as it is now: it is no longer held.
void forget_hold(Vm& vm);

}  // namespace virtsession
