// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

namespace virtsession {

struct DomainSnapshot;
class Vm;

// When GNOME Boxes is closed, it saves every VM of the session that runs, also those of other programs. Nobody asked
// for that: a VM that its policy starts at login goes on when Boxes is closed (when_saved_by_others). libvirt does not
// tell which client saves a VM; a save that virtsession did not ask for counts as that of Boxes when Boxes is open as
// it begins or ends.

/// \param before what was so before the snapshot that the VM has taken in
void note_foreign_save(Vm& vm, const DomainSnapshot& before);
/// Its run is over: whether Boxes has saved it. \param asked virtsession was asked for the end of the run
bool was_saved_by_boxes(const Vm& vm, bool asked);
bool is_to_go_on_after_boxes(const Vm& vm);
/// It is off, and starts when Boxes is closed.
void go_on_after_boxes(Vm& vm, Moment now);

}  // namespace virtsession
