// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../console.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "../vm_info.hpp"
#include "../vm_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

/// The order in which a person looks for them; what a later version adds comes after these.
constexpr const char* kOrder[] = {
    "Name",          "Title",      "Uuid",        "State",          "StateReason",        "Phase",
    "PhaseReason",   "Progress",   "Intent",      "PhaseSinceUSec", "StartedUSec",        "Autostart",
    "AutostartOnce", "Persistent", "ManagedSave", "RestartCount",   "LastError",          "Networks",
    "Addresses",     "Forwards",   "Scope",       "PolicyProblems", "PolicyProblemCodes", "PolicyOverrides",
    "Policy"};

std::vector<std::string> names_in_order(const VmInfo& vm) {
  std::vector<std::string> names;
  for (const char* const name : kOrder)
    if (vm.has(name)) names.emplace_back(name);
  for (const auto& [name, _] : vm.json().items())
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  return names;
}

void print_vm(Console& console, const VmInfo& vm) {
  const auto& terminal = console.out();
  for (const auto& name : names_in_order(vm)) {
    const auto value = vm.value(name);
    // A policy has a line for each key.
    if (value.is_object() && !value.empty()) {
      console.print(terminal.paint(Tone::strong, name) + ":");
      for (const auto& [key, entry] : value.items())
        console.print(fmt::format("  {:<24} {}", printable(key), printable(policy_value_text(entry))));
      continue;
    }
    const auto text = printable(property_text(name, value, terminal));
    console.print(fmt::format("{}:{:{}} {}", terminal.paint(Tone::strong, name), "",
                              18 - std::min<std::size_t>(18, name.size()), text.empty() ? "-" : text));
  }
}

/// As it is for a script; a terminal still gets nothing that it would obey.
void print_raw_value(Console& console, const json& value) {
  const auto text = value.is_string() ? value.get<std::string>() : value.dump();
  console.print(console.out().is_terminal ? printable(text) : text);
}

int print_property(Console& console, const std::vector<VmInfo>& vms, const std::string& property) {
  for (const auto& vm : vms) {
    if (!vm.has(property))
      throw Failure(kUsage, "a VM has no property " + quote(property) + suggestion(property, names_in_order(vm)),
                    "All of them:  virtsessionctl show " + vm.command_word());
    print_raw_value(console, vm.value(property));
  }
  return kOk;
}

}  // namespace

Verb add_show(CLI::App& app) {
  struct Options {
    std::vector<std::string> vms;
    std::string property;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("show", "All properties of VMs")->group(kLook);
  add_vms(*command, options->vms);
  command->add_option("-p,--property", options->property, "Print the bare value of this one, a line for each VM")
      ->option_text("NAME");
  command->footer("Names and meanings are those of the D-Bus interface org.virtsession.Supervisor1.VM.");
  return {command, Completes::vms, [options](Console& console) {
            auto client = looking_client();
            client.wait_for_libvirt();
            const auto vms = client.select(options->vms);
            if (!options->property.empty() && !console.json) return print_property(console, vms, options->property);
            if (console.json) {
              console.print_json(to_json(vms));
              return int{kOk};
            }
            for (std::size_t i = 0; i < vms.size(); ++i) {
              if (i > 0) console.print("");
              print_vm(console, vms[i]);
            }
            return int{kOk};
          }};
}

}  // namespace virtsession::ctl
