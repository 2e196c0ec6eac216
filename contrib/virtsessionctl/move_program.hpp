// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "console.hpp"

#include <string>
#include <vector>

namespace virtsession::ctl {

/// Becomes virtsession-move, which talks to both libvirts; this program talks to D-Bus alone. \throws Failure
[[noreturn]] void run_move_program(Console& console, std::vector<std::string> arguments);

}  // namespace virtsession::ctl
