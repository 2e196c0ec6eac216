// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/desktop.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

// virtsessionctl as the user of a Desktop runs it.

namespace virtsession::test {

using Arguments = std::vector<std::string>;

/// Runs it in a pipe, as a script does.
CommandResult ctl(Desktop& desktop, Arguments arguments);
/// Its output, which the test expects to come with this exit status.
std::string ctl_out(Desktop& desktop, const Arguments& arguments, int status = 0);
std::string ctl_err(Desktop& desktop, const Arguments& arguments, int status);
nlohmann::json ctl_json(Desktop& desktop, Arguments arguments, int status = 0);
/// The command that runs a line of shell on a terminal of its own.
Arguments terminal_command(const std::string& line);

bool has(const std::string& text, const std::string& part);
void wait_until_known(Desktop& desktop, const Arguments& names);

/// Runs a command as a unit of the user, beside the test, with its output in a file.
void run_beside(Desktop& desktop, const std::string& unit, const Arguments& command);
std::string output_beside(Desktop& desktop, const std::string& unit);
void wait_for_output(Desktop& desktop, const std::string& unit, const std::string& text);

}  // namespace virtsession::test
