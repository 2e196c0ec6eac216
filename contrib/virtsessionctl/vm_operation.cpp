// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vm_operation.hpp"

#include "console.hpp"
#include "text.hpp"

#include <fmt/format.h>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

json as_json(const VmInfo& vm, const Outcome& outcome) {
  return {{"uuid", vm.uuid()},
          {"name", vm.name()},
          {"result", outcome.succeeded()                     ? "done"
                     : outcome.error_name == kStoppedWaiting ? "pending"
                                                             : "failed"},
          {"error", outcome.error_name == kStoppedWaiting ? "" : outcome.error_name},
          {"message", outcome.message}};
}

void tell(Console& console, Client& client, const VmInfo& vm, const VmOperation& operation, const Outcome& outcome) {
  const auto name = printable(vm.name());
  if (!outcome.succeeded()) {
    console.error(fmt::format("{}: failed to {}: {}", name, operation.to_do, printable(outcome.message)));
    return console.hint(hint_for(outcome.error_name, vm.command_word()));
  }
  auto line = fmt::format("{}: {}", name, operation.done(vm));
  if (operation.but)
    if (const auto now = client.vm(vm.uuid())) line += operation.but(*now);  // a transient VM may be gone already
  if (console.out().is_terminal) {
    if (outcome.took >= std::chrono::seconds(1)) line += " (" + duration_text(outcome.took) + ")";
    line = console.out().paint(Tone::good, console.out().choose("✓ ", "")) + line;
  }
  console.print(line);
}

}  // namespace

Send vm_method(const std::string& method, const VariantMap& options) {
  return send_method(kVmInterface, method, options);
}

int operate(Console& console, const std::vector<std::string>& patterns, const VmOperation& operation,
            std::optional<std::chrono::milliseconds> at_most) {
  Client client;
  client.require_or_start(console);
  client.require_libvirt();
  const auto vms = client.select(patterns);
  std::vector<Task> tasks;
  for (const auto& vm : vms) tasks.push_back({vm.path, operation.steps(vm)});
  auto results = json::array();
  std::size_t failed = 0;
  Calls(client, console, vms).run(tasks, at_most, [&](std::size_t task, const Outcome& outcome) {
    if (!outcome.succeeded()) ++failed;
    if (console.json)
      results.push_back(as_json(vms[task], outcome));
    else
      tell(console, client, vms[task], operation, outcome);
  });
  if (console.json)
    console.print_json(results);
  else if (failed < vms.size() && console.err().is_terminal)
    console.hint(operation.hint);
  return failed == 0 ? kOk : kFailed;
}

}  // namespace virtsession::ctl
