// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../exit_code.hpp"
#include "../select.hpp"
#include "../table.hpp"
#include "../text.hpp"
#include "../verb.hpp"

namespace virtsession::ctl {
namespace {

using nlohmann::json;

struct HistoryOptions {
  std::string vm;
  std::uint32_t limit = 0;
};

/// A uuid is passed on as it is: the VM may be gone.
std::string uuid_of(Client& client, const std::string& vm) {
  if (vm.empty()) return vm;
  try {
    return select_vm(client.vms(), vm).uuid();
  } catch (const Failure&) {
    if (vm.size() == 36) return vm;
    throw;
  }
}

int history(Console& console, const HistoryOptions& options) {
  auto client = looking_client();
  client.wait_for_libvirt();
  const auto rows = client.manager().History(uuid_of(client, options.vm), {{"limit", sdbus::Variant(options.limit)}});
  auto list = json::array();
  Table table({"TIME", "NAME", "PHASE", "REASON", "CAUSE"});
  for (const auto& row : rows) {
    const auto& [usec, path, name, phase, reason, cause] = static_cast<
        const std::tuple<std::uint64_t, sdbus::ObjectPath, std::string, std::string, std::string, std::string>&>(row);
    list.push_back({{"time_usec", usec},
                    {"path", std::string(path)},
                    {"name", name},
                    {"phase", phase},
                    {"reason", reason},
                    {"cause", cause}});
    table.add({{time_text(usec), Tone::faint}, {name, Tone::strong}, {phase}, {reason}, {cause}});
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
  command->add_option("VM", options->vm, "Only this VM; the uuid of one that is gone is accepted");
  command->add_option("-n,--limit", options->limit, "Only so many of the newest entries")->option_text("N");
  command->footer("What was before is in the journal: virtsessionctl logs");
  return {command, Completes::vms, [options](Console& console) { return history(console, *options); }};
}

}  // namespace virtsession::ctl
