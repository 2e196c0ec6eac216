// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../vm_operation.hpp"

namespace virtsession::ctl {

Verb add_shutdown(CLI::App& app) {
  struct Options : Waiting {
    std::vector<std::string> vms;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("shutdown", "Ask guests to shut down, as their power button does")->group(kRun);
  add_vms(*command, options->vms);
  add_no_block(*command, *options);
  add_timeout(*command, *options, "How long to wait for the guest (default: 60)");
  command->footer(
      "A guest may ignore its power button. Nothing else is done to it: after the timeout the verb fails and the\n"
      "guest runs on; 'save' or 'poweroff' stop it without the guest's help.");
  return {command, Completes::active_vms, [options](Console& console) {
            VariantMap arguments{{"wait", sdbus::Variant(!options->no_block)}};
            if (options->timeout_sec) arguments.emplace("timeout_sec", sdbus::Variant(*options->timeout_sec));
            VmOperation operation;
            operation.to_do = "shut down";
            operation.steps = [&](const VmInfo&) { return std::vector{vm_method("Shutdown", arguments)}; };
            operation.done = [&](const VmInfo& vm) {
              return !vm.is_active() ? "is off already" : options->no_block ? "was asked to shut down" : "is off";
            };
            return operate(console, options->vms, operation, std::nullopt);
          }};
}

}  // namespace virtsession::ctl
