// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../console.hpp"
#include "../open_metrics.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "core/utf8.hpp"
#include "util/files.hpp"

#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <sstream>

namespace virtsession::ctl {
namespace {

/// How long virtsessiond has for an answer. Scrapers wait ten seconds by default.
constexpr std::chrono::seconds kScrapeWait{8};

std::string user_name() {
  const auto* const entry = getpwuid(geteuid());
  return entry == nullptr ? std::to_string(geteuid()) : valid_utf8(entry->pw_name);
}

/// Nothing when virtsessiond does not run or does not answer. That is a fact to be measured, and no failure: a file
/// that is not written any more would show the VMs of yesterday.
std::optional<Overview> overview(Console& console) {
  Client client;
  client.connection().setMethodCallTimeout(kScrapeWait);
  if (!client.find()) return std::nullopt;
  try {
    return Overview{client.manager_properties(), client.vms()};
  } catch (const sdbus::Error& error) {
    console.note("virtsessiond does not answer: " + printable(error.getMessage()));
    return std::nullopt;
  }
}

void print_metrics(Console& console, const std::string& text) {
  if (!console.out().is_terminal) {
    console.print_raw(text);
    return;
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) console.print(printable(line));
}

}  // namespace

Verb add_metrics(CLI::App& app) {
  const auto output = std::make_shared<std::string>();
  auto* command = app.add_subcommand("metrics", "What a monitoring system wants to know")->group(kLook);
  command->add_option("-o,--output", *output, "Write a file instead, which readers never see half-written")
      ->option_text("FILE");
  command->footer(
      "The format is OpenMetrics; the textfile collector of Prometheus' node_exporter reads it.\n"
      "Starts nothing: when virtsessiond does not run, virtsession_up is 0, and the exit status is 0 as well.");
  return {command, Completes::nothing, [command, output](Console& console) {
            if (console.json)
              throw Failure(kUsage, "metrics: it has a format of its own",
                            "The same facts as JSON:  virtsessionctl status --json");
            const auto text = metrics_of(user_name(), overview(console));
            if (command->count("--output") == 0) {
              print_metrics(console, text);
              return kOk;
            }
            // Another user's monitoring system reads it, in a folder that several users write to.
            const auto written = write_file_atomically(*output, text, 0644, Durability::rename_only, Links::replace);
            if (!written) throw Failure(kFailed, printable(written.error().message));
            return kOk;
          }};
}

}  // namespace virtsession::ctl
