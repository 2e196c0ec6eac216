// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../vm_operation.hpp"

namespace virtsession::ctl {

Verb add_stop(CLI::App& app) {
  struct Options : Waiting {
    std::vector<std::string> vms;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("stop", "Stop VMs by their policies, as a logout does")->group(kRun);
  add_vms(*command, options->vms);
  add_no_block(*command, *options);
  add_timeout(*command, *options, "Wait no longer than this; the stop goes on");
  command->footer(
      "The policy key stop_actions says how: by default the guest is asked to shut down, then saved, then powered "
      "off.\n"
      "'shutdown', 'save' and 'poweroff' do one of these alone.");
  return {command, Completes::active_vms, [options](Console& console) {
            const VariantMap arguments{{"wait", sdbus::Variant(!options->no_block)}};
            VmOperation operation;
            operation.to_do = "stop";
            operation.steps = [&](const VmInfo&) { return std::vector{vm_method("Stop", arguments)}; };
            operation.done = [&](const VmInfo& vm) {
              return !vm.is_active() ? "is off already" : options->no_block ? "is being stopped" : "is off";
            };
            operation.but = [&](const VmInfo& now) -> std::string {
              return !now.is_active() && now.flag("ManagedSave") ? ", and saved" : "";
            };
            return operate(console, options->vms, operation, options->timeout());
          }};
}

}  // namespace virtsession::ctl
