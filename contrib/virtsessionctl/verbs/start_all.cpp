// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../calls.hpp"
#include "../verb.hpp"

namespace virtsession::ctl {
namespace {

/// Calls one of the manager's methods that work on all VMs, and tells a success.
int run_on_all(Console& console, const std::string& method, const VariantMap& arguments,
               std::optional<std::chrono::milliseconds> at_most, const std::string& done) {
  Client client;
  client.require_or_start(console);
  client.require_libvirt();
  call_manager(client, console, send_method(ManagerProxy::INTERFACE_NAME, method, arguments), client.vms(), at_most);
  if (console.json)
    console.print_json({{"result", "done"}});
  else
    console.print(done);
  return 0;
}

}  // namespace

Verb add_start_all(CLI::App& app) {
  const auto options = std::make_shared<Waiting>();
  auto* command = app.add_subcommand("start-all", "Start the marked VMs as at login")->group(kRun);
  add_no_block(*command, *options);
  add_timeout(*command, *options, "Wait no longer than this; the start goes on");
  command->footer("In order, each when its dependencies are ready and its conditions are met. 'plan' says beforehand.");
  return {command, Completes::nothing, [options](Console& console) {
            return run_on_all(console, "Autostart", {{"wait", sdbus::Variant(!options->no_block)}}, options->timeout(),
                              options->no_block ? "The marked VMs are being started." : "Everything marked runs.");
          }};
}

Verb add_stop_all(CLI::App& app) {
  const auto options = std::make_shared<Waiting>();
  auto* command = app.add_subcommand("stop-all", "Stop all VMs as at logout")->group(kRun);
  add_no_block(*command, *options);
  add_timeout(*command, *options, "The budget for the whole stop");
  command->footer("In order, each as its policy says (stop_actions). 'plan stop' says beforehand.");
  return {command, Completes::nothing, [options](Console& console) {
            VariantMap arguments{{"wait", sdbus::Variant(!options->no_block)}};
            if (options->timeout_sec) arguments.emplace("timeout_sec", sdbus::Variant(*options->timeout_sec));
            return run_on_all(console, "StopAll", arguments, std::nullopt,
                              options->no_block ? "The VMs are being stopped." : "All VMs are stopped as planned.");
          }};
}

}  // namespace virtsession::ctl
