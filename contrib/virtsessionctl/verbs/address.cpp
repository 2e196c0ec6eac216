// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../calls.hpp"
#include "../console.hpp"
#include "../forward_text.hpp"
#include "../text.hpp"
#include "../verb.hpp"

#include <fmt/format.h>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

/// \param problem why libvirt could not say, or empty
json addresses_of(Client& client, const VmInfo& vm, std::string& problem) {
  json rows = json::array();
  try {
    rows = client.list_addresses(vm);
  } catch (const sdbus::Error& error) {
    const std::string name = error.getName();
    if (!name.ends_with(".OperationFailed") && !name.ends_with(".TimedOut")) throw;
    problem = printable(error.getMessage());
    if (vm.value("Addresses").is_array()) rows = vm.value("Addresses");
  }
  return rows;
}

std::string address_text(const Properties& row) {
  const auto address = row.text("address"), source = row.text("source");
  if (source == "vsock") return "vsock " + address;
  return source == "forward" ? forward_text(row) : address;
}

int show(Console& console, const std::string& pattern) {
  auto client = looking_client();
  client.require_libvirt();
  const auto vm = client.select_one(pattern);
  if (!vm.is_active())
    throw Failure(kFailed, printable(vm.name()) + " is off, and has no address",
                  "Start it:  virtsessionctl start " + vm.command_word());
  std::string problem;
  const auto rows = addresses_of(client, vm, problem);
  if (console.json) {
    console.print_json(rows);
    return kOk;
  }
  if (rows.empty())
    throw Failure(
        kFailed,
        fmt::format("no address of {} is known{}", printable(vm.name()), problem.empty() ? "" : ": " + problem),
        "A free port of this host for its sshd:  virtsessionctl ports " + vm.command_word() + " +auto:22");
  Table table({"ADDRESS", "NIC", "MAC", "FROM"});
  for (const auto& each : rows) {
    Properties row(each);
    if (row.text("source") == "forward") row.update({{"host_address", row.text("address")}});
    const auto nic = row.text("nic"), mac = row.text("mac");
    table.add({{address_text(row), Tone::strong},
               {nic.empty() ? "-" : nic},
               {mac.empty() ? "-" : mac},
               {row.text("source")}});
  }
  table.print(console);
  return kOk;
}

}  // namespace

Verb add_address(CLI::App& app) {
  const auto vm = std::make_shared<std::string>();
  auto* command = app.add_subcommand("address", "Where a VM can be reached, as far as it is known")->group(kUse);
  command->add_option("VM", *vm, "A name, a uuid or a pattern that fits one VM")->required();
  command->footer(
      "FROM says who knows it: agent, the guest's agent (also addresses that this host cannot reach, as 10.0.2.15\n"
      "of user networking); arp, this host's table of neighbours; forward, see 'virtsessionctl ports'; vsock.");
  return {command, Completes::one_vm, [vm](Console& console) { return show(console, *vm); }};
}

}  // namespace virtsession::ctl
