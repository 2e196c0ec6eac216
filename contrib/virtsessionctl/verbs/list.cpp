// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../console.hpp"
#include "../move_program.hpp"
#include "../on_demand.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "../vm_text.hpp"

namespace virtsession::ctl {
namespace {

struct ListOptions {
  std::vector<std::string> patterns;
  bool all = false, running = false, failed = false, quiet = false, system = false;
};

bool is_wanted(const ListOptions& options, const VmInfo& vm) {
  if (options.all || (!options.running && !options.failed)) return true;
  return (options.running && vm.is_active()) || (options.failed && tone_of(vm) == Tone::bad);
}

/// What starts it: the mark, or a connection.
std::string start_text(const VmInfo& vm, const std::vector<OnDemand>& on_demand) {
  const bool waits = std::ranges::any_of(on_demand, [&](const OnDemand& one) { return one.uuid == vm.uuid(); });
  const auto mark = mark_text(vm);
  if (!waits) return mark;
  return mark == "no" ? "on demand" : mark + ", on demand";
}

int list(Console& console, const ListOptions& options) {
  if (options.system) run_move_program(console, {"--list"});
  auto client = looking_client();
  client.wait_for_libvirt();
  auto vms = client.select(options.patterns);
  std::erase_if(vms, [&](const VmInfo& vm) { return !is_wanted(options, vm); });
  if (console.json) {
    console.print_json(to_json(vms));
    return kOk;
  }
  if (options.quiet) {
    for (const auto& vm : vms) console.print(printable(vm.name()));
    return kOk;
  }
  const auto on_demand = read_on_demand(unit_folder());
  Table table({"NAME", "STATE", "PHASE", "AUTOSTART", "SINCE", "REASON"});
  for (const auto& vm : vms) {
    auto since = console.out().when(since_usec(vm));
    table.add({{vm.name(), Tone::strong},
               {vm.state()},
               {vm.phase(), tone_of(vm)},
               {start_text(vm, on_demand)},
               {since.empty() ? "-" : since},
               {why(vm)}},
              symbol_of(vm, console.out()));
  }
  if (!table.empty()) table.print(console);
  if (vms.empty() && console.out().is_terminal) console.note("No VMs. What to do:  virtsessionctl status");
  return kOk;
}

}  // namespace

Verb add_list(CLI::App& app) {
  const auto options = std::make_shared<ListOptions>();
  auto* command = app.add_subcommand("list", "All VMs, a line each")->group(kLook);
  auto* vms = command->add_option("VM", options->patterns, "Only these VMs");
  command->add_flag("-a,--all", options->all, "All VMs (the default)");
  auto* running = command->add_flag("-r,--running", options->running, "Only VMs that are not off");
  auto* failed = command->add_flag("-f,--failed", options->failed, "Only VMs that failed");
  auto* quiet = command->add_flag("-q,--quiet", options->quiet, "Only names");
  command->add_flag("--system", options->system, "The VMs of qemu:///system instead, which can be moved here")
      ->excludes(vms)
      ->excludes(running)
      ->excludes(failed)
      ->excludes(quiet);
  return {command, Completes::vms, [options](Console& console) { return list(console, *options); }};
}

}  // namespace virtsession::ctl
