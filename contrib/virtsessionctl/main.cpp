// SPDX-License-Identifier: LGPL-2.1-or-later
#include "calls.hpp"
#include "command_line.hpp"
#include "completion.hpp"
#include "console.hpp"
#include "text.hpp"
#include "util/build_config.hpp"

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>
#include <vector>

using namespace virtsession;
using namespace virtsession::ctl;

namespace {

/// \throws Failure, sdbus::Error
int run(Console& console, int argc, char** argv) {
  CommandLine line;
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    print_completions(console, line, {argv + 2, argv + argc});
    return kOk;
  }
  try {
    line.parse({argv + 1, argv + argc});
  } catch (const CLI::ParseError& error) {
    // Who asks for help has not typed the rest yet.
    if (!line.wants_help()) throw usage_failure(line, error);
  }
  if (line.wants_help()) {
    const auto given = line.app.get_subcommands();
    console.print_raw(help_text(given.empty() ? line.app : *given.front()));
    return kOk;
  }
  if (line.version) {
    console.print(fmt::format("virtsessionctl {}", build::kVersion));
    return kOk;
  }
  console.json = line.json;
  return line.chosen().run(console);
}

int tell(Console& console, const Failure& failure) {
  console.error(failure.what());
  console.hint(failure.hint());
  return failure.code();
}

}  // namespace

int main(int argc, char** argv) {
  Console console;
  int code = kFailed;
  try {
    code = run(console, argc, argv);
  } catch (const Failure& failure) {
    code = tell(console, failure);
  } catch (const sdbus::Error& error) {
    code = tell(console, failure_of(error.getName(), error.getMessage()));
  } catch (const std::exception& error) {
    console.error(printable(error.what()));
  }
  if (!console.flush()) {
    console.error("failed to write the output");
    return kFailed;
  }
  return code;
}
