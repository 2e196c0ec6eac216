// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// Runs a program with an empty standard input, standard error thrown away and no environment but PATH, and takes what
/// it prints, up to 64 KiB. Blocks; it is killed at the limit. \param arguments the first is the program's path
/// \return nothing when it cannot be started, is killed, or fails
std::optional<std::string> run_program(const std::vector<std::string>& arguments, std::chrono::milliseconds limit);

/// Where a program of that name lies, as the first in `folders` that this user may execute; empty when there is none.
std::string find_program(const std::string& name, const std::vector<std::string>& folders);

}  // namespace virtsession
