// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../advice.hpp"
#include "../client.hpp"
#include "../console.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "../vm_info.hpp"
#include "../vm_text.hpp"
#include "doctor/diagnose.hpp"
#include "doctor/gather.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

constexpr std::uint32_t kHistoryRows = 5;

json to_json(const std::vector<Advice>& advices) {
  auto list = json::array();
  for (const auto& advice : advices)
    list.push_back({{"subject", advice.subject}, {"text", advice.text}, {"commands", advice.commands}});
  return list;
}

void print_advice(Console& console, const std::vector<Advice>& advices) {
  if (advices.empty()) return;
  console.print("");
  console.print(console.out().paint(Tone::strong, "What to do"));
  for (const auto& advice : advices) {
    const auto subject = advice.subject.empty() ? "" : printable(advice.subject) + " ";
    console.print("  " + subject + printable(advice.text));
    for (const auto& command : advice.commands)
      console.print("    " + console.out().paint(Tone::good, printable(command)));
  }
}

int print_not_running(Console& console) {
  const auto absence = look_at_absence();
  const Advice advice{"", absence.to_do, absence.commands};
  if (console.json) {
    console.print_json({{"running", false},
                        {"reason", absence.fact},
                        {"manager", nullptr},
                        {"vms", json::array()},
                        {"advice", to_json({advice})}});
    return kNotRunning;
  }
  const auto& terminal = console.out();
  console.print(terminal.paint(Tone::bad, terminal.choose("○ ", "")) + absence.fact);
  console.print(
      "  No VM is started at login, restarted after a crash or stopped in order. VMs that run are not harmed.");
  print_advice(console, {advice});
  return kNotRunning;
}

std::string libvirt_text(const Properties& manager) {
  const auto name = manager.text("LibvirtDaemon") +
                    (manager.text("LibvirtVersion").empty() ? "" : " " + manager.text("LibvirtVersion"));
  auto text = name + ", " + manager.text("LibvirtState");
  if (!manager.text("LibvirtReason").empty()) text += ": " + manager.text("LibvirtReason");
  return text + (manager.flag("LibvirtManaged") ? "" : " (not managed by virtsession)");
}

std::string autostart_text(const Properties& manager) {
  const auto state = manager.text("AutostartState"), reason = manager.text("AutostartReason");
  return reason.empty() ? state : state + ": " + reason;
}

/// "3 VMs: 1 running, 1 waiting, 1 gave-up"
std::string count_text(const Properties& manager) {
  const auto counts = manager.value("Counts");
  std::string parts;
  std::uint64_t total = 0;
  for (const auto& [phase, count] : counts.items()) {
    if (phase == "total")
      total = count.get<std::uint64_t>();
    else if (count.get<std::uint64_t>() > 0)
      parts += (parts.empty() ? "" : ", ") + count.dump() + " " + phase;
  }
  if (total == 0) return "none";
  return fmt::format("{}: {}", total, parts);
}

void print_manager(Console& console, const Properties& manager) {
  const auto& terminal = console.out();
  const bool ready = manager.text("LibvirtState") == "ready";
  const auto tone = ready ? manager.text("AutostartState") == "incomplete" ? Tone::warning : Tone::good : Tone::bad;
  console.print(terminal.paint(tone, terminal.choose("● ", "")) + "virtsessiond " + printable(manager.text("Version")) +
                " is up");
  const auto line = [&](const char* label, const std::string& text) {
    console.print(fmt::format("  {:<10} {}", label, printable(text)));
  };
  line("libvirt", libvirt_text(manager));
  line("autostart", autostart_text(manager));
  if (manager.text("StopState") == "running") line("stopping", "all VMs are being stopped");
  if (!manager.text("ConfigPath").empty()) line("config", manager.text("ConfigPath"));
  line("VMs", ready || !manager.value("Counts").empty() ? count_text(manager) : "not known before libvirt is ready");
}

void print_vms(Console& console, const std::vector<VmInfo>& vms) {
  if (vms.empty()) return;
  console.print("");
  Table table({"NAME", "STATE", "AUTOSTART", "SINCE", "WHY"});
  for (const auto& vm : vms)
    table.add({{vm.name(), Tone::strong},
               {doing(vm), tone_of(vm)},
               {mark_text(vm)},
               {console.out().when(since_usec(vm))},
               {why(vm)}},
              symbol_of(vm, console.out()));
  table.print(console);
}

int show_all(Console& console, Client& client) {
  client.wait_for_libvirt();
  const auto manager = client.manager_properties();
  const auto vms = client.vms();
  auto advices = advise(manager, vms);
  if (vms.empty() && manager.text("LibvirtState") == "ready")
    if (const auto system = system_vms_text(gather_system_libvirt(options_that_start_nothing())))
      advices.insert(advices.begin(), advise_on_system_vms(*system));
  for (auto& advice : advise_on_cut_off_moves()) advices.insert(advices.begin(), std::move(advice));
  if (console.json) {
    console.print_json(
        {{"running", true}, {"manager", manager.json()}, {"vms", ctl::to_json(vms)}, {"advice", to_json(advices)}});
    return kOk;
  }
  print_manager(console, manager);
  print_vms(console, vms);
  print_advice(console, advices);
  return kOk;
}

void print_history(Console& console, Client& client, const VmInfo& vm) {
  const auto rows = client.manager().History(vm.uuid(), {{"limit", sdbus::Variant(kHistoryRows)}});
  for (const auto& row : rows)
    console.print(fmt::format("    {}  {}: {}",
                              console.out().is_terminal ? clock_text(std::get<0>(row)) : time_text(std::get<0>(row)),
                              printable(std::get<3>(row)), printable(std::get<4>(row))));
}

void print_vm(Console& console, Client& client, const VmInfo& vm) {
  const auto& terminal = console.out();
  const auto symbol = symbol_of(vm, terminal);
  const auto title = vm.text("Title");
  console.print((terminal.is_terminal ? terminal.paint(symbol.tone, symbol.text) + " " : "") +
                terminal.paint(Tone::strong, printable(vm.name())) + (title.empty() ? "" : " - " + printable(title)));
  const auto line = [&](const char* label, const std::string& text) {
    if (!text.empty()) console.print(fmt::format("  {:>10}: {}", label, printable(text)));
  };
  const auto since = terminal.when(vm.number("StartedUSec"));
  const auto state_reason = vm.text("StateReason");
  line("State", vm.state() + (state_reason.empty() ? "" : " (" + state_reason + ")") +
                    (since.empty() ? "" : (terminal.is_terminal ? ", started " : ", since ") + since));
  line("Phase", vm.phase() + (vm.reason().empty() ? "" : ": " + vm.reason()));
  line("Autostart", mark_text(vm));
  line("Saved", vm.flag("ManagedSave") ? "yes, the next start goes on from there" : "");
  line("Restarts", vm.number("RestartCount") > 0 ? std::to_string(vm.number("RestartCount")) : "");
  line("Last error", vm.text("LastError"));
  line("Policy", property_text("PolicyOverrides", vm.value("PolicyOverrides"), terminal));
  line("Uuid", vm.uuid());
  line("History", "the newest of  virtsessionctl history " + vm.command_word());
  print_history(console, client, vm);
}

int show_some(Console& console, Client& client, const std::vector<std::string>& patterns) {
  client.wait_for_libvirt();
  const auto manager = client.manager_properties();
  const auto vms = client.select(patterns);
  std::vector<Advice> advices;
  for (auto& advice : advise(manager, vms))
    if (!advice.subject.empty()) advices.push_back(std::move(advice));
  if (console.json) {
    console.print_json(
        {{"running", true}, {"manager", manager.json()}, {"vms", ctl::to_json(vms)}, {"advice", to_json(advices)}});
    return kOk;
  }
  for (std::size_t i = 0; i < vms.size(); ++i) {
    if (i > 0) console.print("");
    print_vm(console, client, vms[i]);
  }
  print_advice(console, advices);
  return kOk;
}

}  // namespace

Verb add_status(CLI::App& app) {
  const auto patterns = std::make_shared<std::vector<std::string>>();
  auto* command =
      app.add_subcommand("status", "What runs, what does not and why, and what to do (the default)")->group(kLook);
  command->add_option("VM", *patterns, "Only these VMs, with more detail");
  command->footer("Starts nothing: when virtsessiond does not run, this says so and exits with 3.");
  return {command, Completes::vms, [patterns](Console& console) {
            Client client;
            if (!client.find()) return print_not_running(console);
            return patterns->empty() ? show_all(console, client) : show_some(console, client, *patterns);
          }};
}

}  // namespace virtsession::ctl
