// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "command_line.hpp"

#include <string>
#include <vector>

namespace virtsession::ctl {

/// For the shells' completions (contrib/completions): what may stand in the place of the last of the words, which may
/// be empty; a line for each, with a tab before its description. Starts nothing, and says nothing when something is
/// wrong.
void print_completions(Console& console, const CommandLine& line, const std::vector<std::string>& words);

}  // namespace virtsession::ctl
