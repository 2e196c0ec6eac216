// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

namespace virtsession {

class Vm;

// A guest that was asked to shut down, and was saved before it had done so, ends its shutdown when it is restored: it
// powers off although everybody wants it to run. It is started again then, once.

/// A run has begun. \param restored from a saved state
void note_begin(Vm& vm, bool restored, Moment now);
/// A run has ended, and the VM's snapshot says how. \param asked somebody asked for its end
/// \return whether that was the rest of the interrupted shutdown, and the VM's policy starts it again
bool note_end(Vm& vm, bool asked, Moment now);
/// Does so.
void start_again(Vm& vm, Moment now);

}  // namespace virtsession
