// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/ctl.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

namespace virtsession::test {

CommandResult ctl(Desktop& desktop, Arguments arguments) {
  arguments.insert(arguments.begin(), "virtsessionctl");
  return desktop.host().user(kUser, arguments, {.timeout = 2 * kLong});  // a guest may boot meanwhile
}

std::string ctl_out(Desktop& desktop, const Arguments& arguments, int status) {
  const auto result = ctl(desktop, arguments);
  INFO(command_line(arguments), ": ", result.out, result.err);
  CHECK(result.status == status);
  return result.out;
}

std::string ctl_err(Desktop& desktop, const Arguments& arguments, int status) {
  const auto result = ctl(desktop, arguments);
  INFO(command_line(arguments), ": ", result.out, result.err);
  CHECK(result.status == status);
  return result.err;
}

nlohmann::json ctl_json(Desktop& desktop, Arguments arguments, int status) {
  arguments.emplace_back("--json");
  return nlohmann::json::parse(ctl_out(desktop, arguments, status));
}

Arguments terminal_command(const std::string& line) {
  return {"env",      "TERM=xterm", "script",    "--quiet",
          "--return", "--flush",    "--command", "stty cols 150; exec " + line,
          "/dev/null"};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void wait_until_known(Desktop& desktop, const Arguments& names) {
  for (const auto& name : names)
    wait_until([&] { return desktop.find(name).has_value(); }, kSoon, "virtsessiond knows " + name);
}

void run_beside(Desktop& desktop, const std::string& unit, const Arguments& command) {
  Arguments words{"systemd-run",    "--user",
                  "--quiet",        "--remain-after-exit",
                  "--unit=" + unit, "--property=StandardOutput=file:/home/alice/" + unit + ".out"};
  words.insert(words.end(), command.begin(), command.end());
  desktop.run(words);
}

std::string output_beside(Desktop& desktop, const std::string& unit) {
  return desktop.host().read_file("/home/alice/" + unit + ".out").value_or("");
}

void wait_for_output(Desktop& desktop, const std::string& unit, const std::string& text) {
  try {
    wait_until([&] { return has(output_beside(desktop, unit), text); }, kLong, unit + " says: " + text);
  } catch (const TimedOut& error) {
    throw std::runtime_error(std::string(error.what()) + "; it said:\n" + output_beside(desktop, unit));
  }
}

}  // namespace virtsession::test
