// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../vm_operation.hpp"

namespace virtsession::ctl {

Verb add_save(CLI::App& app) {
  struct Options : Waiting {
    std::vector<std::string> vms;
    bool bypass_cache = false;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("save", "Save guests' memory to disk and stop them")->group(kRun);
  add_vms(*command, options->vms);
  command->add_flag("--bypass-cache", options->bypass_cache, "Write past the host's page cache");
  add_timeout(*command, *options, "Wait no longer than this; the saving goes on");
  command->footer("The next start goes on from there (libvirt's managed save).");
  return {command, Completes::active_vms, [options](Console& console) {
            const VariantMap arguments{{"bypass_cache", sdbus::Variant(options->bypass_cache)}};
            VmOperation operation;
            operation.to_do = "save";
            operation.steps = [&](const VmInfo&) { return std::vector{vm_method("Save", arguments)}; };
            operation.done = [](const VmInfo& vm) { return vm.is_active() ? "saved" : "is saved already"; };
            return operate(console, options->vms, operation, options->timeout());
          }};
}

}  // namespace virtsession::ctl
