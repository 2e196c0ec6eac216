// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "console.hpp"
#include "doctor/words.hpp"

#include <string>
#include <vector>

namespace virtsession::ctl {

/// Where the shell would find a program (PATH), or empty.
std::string find_on_path(const std::string& program);

/// The command that installs a package on this system, after `before`; empty where it is not known.
std::string install_hint(const std::string& before, const Package& package);

/// Goes on as another program, with this one's streams; its exit status is ours. What was printed is sent first.
/// \param words the program, found on PATH when it is no path, and its arguments \throws Failure when it cannot be run
[[noreturn]] void become(Console& console, std::vector<std::string> words);

}  // namespace virtsession::ctl
