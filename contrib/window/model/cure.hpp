// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "machine_view.hpp"

#include <string>
#include <vector>

namespace virtsession::window {

/// Something that a person may want to do about a VM.
struct Cure {
  std::string text;                   ///< the fact
  std::vector<std::string> commands;  ///< to be copied as they are
};

/// What to do about a VM, as virtsessionctl advises. Empty when it needs nobody.
std::vector<Cure> cures_of(const VmInfo& vm);

/// A symbolic icon for a phase in the history.
const char* phase_icon(const std::string& phase);

}  // namespace virtsession::window
