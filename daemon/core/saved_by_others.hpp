// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

#include <string>

namespace virtsession {

struct Context;
struct DomainSnapshot;
class Vm;
class Vms;

// When GNOME Boxes is closed, it saves every VM of the session that runs, also those of other programs; by its setting
// save-on-quit=false it pauses them instead. Nobody asked for that: a VM that its policy starts at login goes on when
// Boxes is closed (when_saved_by_others). libvirt does not tell which client saves or pauses a VM. A save that
// virtsession did not ask for counts as that of Boxes when Boxes is open as it begins or ends; such a pause, which
// takes no time, when Boxes is closed within a few seconds of it.

/// \param before what was so before the snapshot that the VM has taken in
void note_foreign_save(Vm& vm, const DomainSnapshot& before);
void note_foreign_pause(Vm& vm, const DomainSnapshot& before, Moment now);
/// Its run is over: whether Boxes has saved it. \param asked virtsession was asked for the end of the run
bool was_saved_by_boxes(const Vm& vm, bool asked);
bool is_to_go_on_after_boxes(const Vm& vm);
/// Boxes has paused it, or is about to end and has, and it is to go on.
bool is_to_resume_after_boxes(const Vm& vm, Moment now);
/// It is off, and starts when Boxes is closed.
void go_on_after_boxes(Vm& vm, Moment now);
/// Tells which VMs Boxes has paused when it was closed, and resumes those that are to go on.
void resume_after_boxes(const Context& context, Vms& vms, Moment now);
/// For a VM's reason. \param what "saved" or "paused"
std::string done_by_boxes(const std::string& what);

}  // namespace virtsession
