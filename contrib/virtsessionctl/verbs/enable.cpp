// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../vm_operation.hpp"

namespace virtsession::ctl {
namespace {

struct MarkOptions : Waiting {
  std::vector<std::string> vms;
  bool once = false, now = false;
};

Send set_mark(bool once, bool enable) {
  return send_method(kVmInterface, once ? "SetAutostartOnce" : "SetAutostart", enable, VariantMap());
}

}  // namespace

Verb add_enable(CLI::App& app) {
  const auto options = std::make_shared<MarkOptions>();
  auto* command = app.add_subcommand("enable", "Mark VMs to start at login")->group(kConfigure);
  add_vms(*command, options->vms);
  command->add_flag("--once", options->once, "At the next login only (libvirt 11.2 or later)");
  command->add_flag("--now", options->now, "Start them as well");
  command->footer("The mark is libvirt's autostart flag: 'virsh autostart' and virt-manager's check box are the same.");
  return {command, Completes::unmarked_vms, [options](Console& console) {
            VmOperation operation;
            operation.to_do = "enable";
            operation.steps = [&](const VmInfo&) {
              std::vector steps{set_mark(options->once, true)};
              if (options->now) steps.push_back(vm_method("Start"));
              return steps;
            };
            operation.done = [&](const VmInfo&) {
              return std::string(options->once ? "starts at the next login" : "starts at login from now on") +
                     (options->now ? ", and runs" : "");
            };
            operation.hint = "What a login does:  virtsessionctl plan";
            return operate(console, options->vms, operation, std::nullopt);
          }};
}

Verb add_disable(CLI::App& app) {
  const auto options = std::make_shared<MarkOptions>();
  auto* command = app.add_subcommand("disable", "Take the mark away: VMs do not start at login")->group(kConfigure);
  add_vms(*command, options->vms);
  command->add_flag("--once", options->once, "Take away only the mark for the next login");
  command->add_flag("--now", options->now, "Ask the guests to shut down as well");
  return {command, Completes::marked_vms, [options](Console& console) {
            VmOperation operation;
            operation.to_do = "disable";
            operation.steps = [&](const VmInfo&) {
              std::vector steps{set_mark(options->once, false)};
              if (options->now) steps.push_back(vm_method("Shutdown"));
              return steps;
            };
            operation.done = [&](const VmInfo& vm) -> std::string {
              if (options->once) return "does not start at the next login only";
              const char* const now = !vm.is_active() ? "" : options->now ? ", and is off" : "; it runs on now";
              return std::string("does not start at login any more") + now;
            };
            return operate(console, options->vms, operation, std::nullopt);
          }};
}

}  // namespace virtsession::ctl
