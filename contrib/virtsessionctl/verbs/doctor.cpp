// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../console.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "doctor/diagnose.hpp"
#include "doctor/gather.hpp"
#include "util/session_user.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

/// One thing that was looked at.
struct Row {
  std::string id;
  std::string severity;  ///< ok, note, warning, problem
  std::string subject;   ///< a VM's name, or empty
  std::string text;
  std::string fix;  ///< a command, or empty
};

std::vector<Row> to_rows(const std::vector<Finding>& findings) {
  std::vector<Row> rows;
  rows.reserve(findings.size());
  for (const auto& finding : findings)
    rows.push_back({finding.id, std::string(to_text(finding.severity)), finding.subject, finding.text, finding.fix});
  return rows;
}

/// The daemon's main loop answers at once; its look at the machine gives up after some seconds.
constexpr std::chrono::seconds kAnswerLimit{5};
constexpr std::chrono::seconds kLookLimit{20};

/// What virtsessiond finds. It has the environment of the user manager: what depends on the caller's is judged here.
std::vector<Row> ask_daemon(Client& client) {
  client.connection().setMethodCallTimeout(kAnswerLimit);
  static_cast<void>(client.manager_properties());
  client.connection().setMethodCallTimeout(kLookLimit);
  const auto found = client.manager().Diagnose({});
  std::vector<Row> rows;
  rows.reserve(found.size());
  for (const auto& row : found)
    rows.push_back({std::get<0>(row), std::get<1>(row), std::get<2>(row), std::get<3>(row), std::get<4>(row)});
  const auto is_of_caller = [](const Row& row) { return row.id == kDefaultUriCheck || row.id == kFoldersCheck; };
  const auto at = std::ranges::find_if(rows, is_of_caller) - rows.begin();
  if (std::erase_if(rows, is_of_caller) == 0) return rows;
  const auto facts = gather_environment(options_that_start_nothing());
  const auto own = to_rows(diagnose_environment(facts, client.manager().ListVMs({}).size()));
  rows.insert(rows.begin() + at, own.begin(), own.end());
  return rows;
}

/// What the same look by this process finds, with what only the daemon knows left out. \param why it was not asked
std::vector<Row> look_without_daemon(const std::string& why, const std::string& fix) {
  std::vector<Row> rows{{"daemon-running", "problem", "", why, fix}};
  std::ranges::copy(to_rows(diagnose(gather_facts(options_that_start_nothing()))), std::back_inserter(rows));
  return rows;
}

/// The daemon's findings, or those that need none of it when it cannot be asked.
std::vector<Row> look() {
  std::optional<Client> client;
  try {
    client.emplace();
  } catch (const Failure& failure) {
    if (why_no_session()) throw;
    return look_without_daemon("virtsessiond cannot be asked: " + std::string(failure.what()), "");
  }
  if (!client->find()) {
    const auto absence = look_at_absence();
    return look_without_daemon(absence.fact, absence.commands.back());
  }
  try {
    return ask_daemon(*client);
  } catch (const sdbus::Error& error) {
    return look_without_daemon("virtsessiond does not answer: " + std::string(error.getMessage()),
                               "systemctl --user restart virtsessiond");
  }
}

Tone tone_of(const std::string& severity) {
  if (severity == "ok") return Tone::good;
  if (severity == "problem") return Tone::bad;
  return severity == "warning" ? Tone::warning : Tone::plain;
}

void print_row(Console& console, const Row& row) {
  const auto subject = row.subject.empty() ? "" : printable(row.subject) + ": ";
  const auto padded = fmt::format("{:<8}", printable(row.severity));
  console.print(console.out().paint(tone_of(row.severity), padded) + " " + subject + printable(row.text));
  if (!row.fix.empty()) console.print("         " + console.out().paint(Tone::strong, printable(row.fix)));
}

/// It has the names of VMs in it.
void print_page(Console& console, const std::string& page) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) console.print(printable(line));
}

json to_json(const std::vector<Row>& rows) {
  auto list = json::array();
  for (const auto& row : rows)
    list.push_back(
        {{"id", row.id}, {"severity", row.severity}, {"subject", row.subject}, {"text", row.text}, {"fix", row.fix}});
  return list;
}

}  // namespace

Verb add_doctor(CLI::App& app) {
  auto* command = app.add_subcommand("doctor", "Look for problems, and show how to fix them")->group(kService);
  command->footer("Exits with 1 when there is a problem; notes and warnings are none.");
  const auto uri = std::make_shared<bool>(false);
  command->add_flag("--uri", *uri, "Compare qemu:///system and qemu:///session on this machine");
  return {command, Completes::nothing, [uri](Console& console) {
            if (*uri) {
              if (const auto why = why_no_session()) throw Failure(kFailed, printable(*why));
              const auto page = system_or_session_page(gather_facts(options_that_start_nothing()));
              if (console.json)
                console.print_json(json{{"page", page}});
              else
                print_page(console, page);
              return kOk;
            }
            const auto rows = look();
            if (console.json)
              console.print_json(to_json(rows));
            else
              for (const auto& row : rows) print_row(console, row);
            const bool problem = std::ranges::any_of(rows, [](const Row& row) { return row.severity == "problem"; });
            return problem ? kFailed : kOk;
          }};
}

}  // namespace virtsession::ctl
