// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../console.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "core/domain.hpp"
#include "dbus/object_path.hpp"

#include <algorithm>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

struct HistoryOptions {
  std::string vm;
  std::uint32_t limit = 0;
};

struct Change {
  std::uint64_t time_usec;
  std::string path, name, phase, reason, cause;
};

std::vector<Change> read_rows(Client& client, const std::string& uuid, std::uint32_t limit) {
  std::vector<Change> rows;
  for (const auto& row : client.manager().History(uuid, {{"limit", sdbus::Variant(limit)}}))
    rows.push_back(
        {std::get<0>(row), std::get<1>(row), std::get<2>(row), std::get<3>(row), std::get<4>(row), std::get<5>(row)});
  return rows;
}

/// Of a VM that there is no more, all that was told of it under any of its names. Of several that had the name, the
/// last one. Empty when none had it.
std::vector<Change> rows_of_gone(Client& client, const std::string& name_or_uuid, std::uint32_t limit) {
  auto rows = read_rows(client, "", 0);
  const auto path = object_path(canonical_uuid(name_or_uuid));
  const auto is_it = [&](const Change& row) { return row.name == name_or_uuid || row.path == path; };
  const auto last = std::find_if(rows.rbegin(), rows.rend(), is_it);
  if (last == rows.rend()) return {};
  std::erase_if(rows, [its_path = last->path](const Change& row) { return row.path != its_path; });
  if (limit > 0 && rows.size() > limit) rows.erase(rows.begin(), rows.end() - limit);
  return rows;
}

std::vector<Change> find_rows(Client& client, const HistoryOptions& options) {
  if (options.vm.empty()) return read_rows(client, "", options.limit);
  if (const auto vm = client.vm(options.vm)) return read_rows(client, vm->uuid(), options.limit);
  auto rows = rows_of_gone(client, options.vm, options.limit);
  return rows.empty() ? read_rows(client, client.select_one(options.vm).uuid(), options.limit) : rows;
}

int history(Console& console, const HistoryOptions& options) {
  auto client = looking_client();
  client.wait_for_libvirt();
  auto list = json::array();
  Table table({"TIME", "NAME", "PHASE", "REASON", "CAUSE"});
  for (const auto& row : find_rows(client, options)) {
    list.push_back({{"time_usec", row.time_usec},
                    {"path", row.path},
                    {"name", row.name},
                    {"phase", row.phase},
                    {"reason", row.reason},
                    {"cause", row.cause}});
    table.add(
        {{time_text(row.time_usec), Tone::faint}, {row.name, Tone::strong}, {row.phase}, {row.reason}, {row.cause}});
  }
  if (console.json)
    console.print_json(list);
  else if (!table.empty())
    table.print(console);
  else if (console.out().is_terminal)
    console.note("Nothing has happened since virtsessiond started.");
  return kOk;
}

}  // namespace

Verb add_history(CLI::App& app) {
  const auto options = std::make_shared<HistoryOptions>();
  auto* command = app.add_subcommand("history", "What became of VMs since virtsessiond started, and why")->group(kLook);
  command->add_option("VM", options->vm, "Only this VM; it may be gone");
  command->add_option("-n,--limit", options->limit, "Only so many of the newest entries")->option_text("N");
  command->footer("What was before is in the journal: virtsessionctl logs");
  return {command, Completes::vms, [options](Console& console) { return history(console, *options); }};
}

}  // namespace virtsession::ctl
