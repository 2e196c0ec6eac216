// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../vm_operation.hpp"

namespace virtsession::ctl {

Verb add_start(CLI::App& app) {
  struct Options : Waiting {
    std::vector<std::string> vms;
    bool paused = false, force_boot = false, bypass_cache = false;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("start", "Start VMs; from their saved state if they have one")->group(kRun);
  add_vms(*command, options->vms);
  command->add_flag("--paused", options->paused, "Leave the guest paused; 'resume' lets it run");
  command->add_flag("--force-boot", options->force_boot, "Discard a saved state and boot anew");
  command->add_flag("--bypass-cache", options->bypass_cache, "Read a saved state past the host's page cache");
  add_no_block(*command, *options);
  add_timeout(*command, *options, "Wait no longer than this; the start goes on");
  command->footer("A VM that runs is left alone, and that is a success. A start by hand also ends 'gave-up'.");
  return {command, Completes::inactive_vms, [options](Console& console) {
            const VariantMap arguments{{"paused", sdbus::Variant(options->paused)},
                                       {"force_boot", sdbus::Variant(options->force_boot)},
                                       {"bypass_cache", sdbus::Variant(options->bypass_cache)},
                                       {"wait", sdbus::Variant(!options->no_block)}};
            VmOperation operation;
            operation.to_do = "start";
            operation.steps = [&](const VmInfo&) { return std::vector{vm_method("Start", arguments)}; };
            operation.done = [&](const VmInfo& vm) -> std::string {
              if (vm.is_active()) return "runs already";
              if (options->no_block) return "is starting";
              const bool restored = vm.flag("ManagedSave") && !options->force_boot;
              return std::string(restored ? "goes on from its saved state" : "started") +
                     (options->paused ? ", paused" : "");
            };
            operation.but = [&](const VmInfo& now) -> std::string {
              return now.phase() == "paused" && !options->paused ? ", and stands still: " + now.reason() : "";
            };
            return operate(console, options->vms, operation, options->timeout());
          }};
}

}  // namespace virtsession::ctl
