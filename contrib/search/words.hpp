// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "machine.hpp"

#include <string>

namespace virtsession::search {

/// "Start", "Show", "Shut down", "Save", in the user's language.
std::string action_words(Action action);

/// A result's first line: the name for what Enter does anyway, "Shut down web" for other actions.
std::string result_title(const Machine& machine, Action action);

/// The second line: what the VM does now, and what Enter would do.
std::string result_text(const Machine& machine, Action action);

/// For the notification when something that was asked for here has failed.
std::string failure_title(const std::string& vm, Action action);

}  // namespace virtsession::search
