// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

#include <optional>

namespace virtsession {

struct Context;
class Vms;
struct WantedFacts;

// A VM that stands still because the file system of a disk ran full goes on when there is room again: 64 MiB at least,
// and half a minute after it was tried the last time, if its policy does not forbid it (resume_when_unstuck). A guest
// that its watchdog has paused, or another I/O error, waits for a person.

/// Adds the files on whose file systems somebody waits for room.
void add_room_wanted(WantedFacts& wanted, const Vms& vms);
/// Resumes those that have room.
void resume_unstuck(const Context& context, Vms& vms, Moment now);
/// When one that has room is to be tried again.
std::optional<SteadyTime> unstick_wake(const Context& context, const Vms& vms);

}  // namespace virtsession
