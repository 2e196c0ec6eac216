// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "../virtsessionctl/console.hpp"
#include "options.hpp"

namespace virtsession::move {

/// Does what the command line says. \return an ExitCode
int run_move(ctl::Console& console, const Options& options);

/// The VMs of the system and how to move them; asks without a password. \return an ExitCode
int run_list(ctl::Console& console);

}  // namespace virtsession::move
