// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../vm_operation.hpp"

namespace virtsession::ctl {

Verb add_poweroff(CLI::App& app) {
  struct Options : Waiting {
    std::vector<std::string> vms;
    bool graceful = false;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("poweroff", "End VMs at once, as pulling the plug does")->group(kRun);
  add_vms(*command, options->vms);
  command->add_flag("--graceful", options->graceful, "Let QEMU write out its caches, and fail when it does not end");
  add_timeout(*command, *options, "Wait no longer than this; it goes on");
  command->footer("The guest may lose data. 'shutdown' asks it first.");
  return {command, Completes::active_vms, [options](Console& console) {
            const VariantMap arguments{{"graceful", sdbus::Variant(options->graceful)}};
            VmOperation operation;
            operation.to_do = "power off";
            operation.steps = [&](const VmInfo&) { return std::vector{vm_method("PowerOff", arguments)}; };
            operation.done = [](const VmInfo& vm) { return vm.is_active() ? "powered off" : "is off already"; };
            return operate(console, options->vms, operation, options->timeout());
          }};
}

}  // namespace virtsession::ctl
