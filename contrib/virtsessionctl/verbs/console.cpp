// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../console.hpp"

#include "../program.hpp"
#include "../text.hpp"
#include "../verb.hpp"
#include "../viewers.hpp"
#include "../vm_up.hpp"

#include <algorithm>
#include <cstdlib>

namespace virtsession::ctl {
namespace {

struct ConsoleOptions {
  std::string vm, with;
  bool start = false, serial = false;
};

bool has_display() {
  return std::ranges::any_of(std::initializer_list<const char*>{"WAYLAND_DISPLAY", "DISPLAY"},
                             [](const char* variable) {
                               const char* const value = std::getenv(variable);
                               return value != nullptr && *value != '\0';
                             });
}

std::string names_of_viewers() {
  std::string names;
  for (const auto& viewer : viewers()) names += (names.empty() ? "" : ", ") + viewer.program;
  return names;
}

/// \param with the one that is wanted, or empty \throws Failure before a VM is started for nothing
const Viewer& choose_viewer(const std::string& with, const std::string& serial) {
  if (!has_display())
    throw Failure(kFailed, "there is no display to show a screen on: neither WAYLAND_DISPLAY nor DISPLAY is set",
                  "The guest's serial console, on this terminal:  " + serial);
  for (const auto& viewer : viewers())
    if ((with.empty() || viewer.program == with) && !find_on_path(viewer.program).empty()) return viewer;
  if (!with.empty()) throw Failure(kFailed, with + " is not installed");
  const auto install = install_hint("For example:  ", {"virt-viewer", "virt-viewer", "virt-viewer"});
  throw Failure(kFailed, "no program that shows a VM's screen is installed; these do: " + names_of_viewers(),
                install + (install.empty() ? "" : "\n") + "The guest's serial console, on this terminal:  " + serial);
}

std::vector<std::string> serial_command(const std::string& uuid) {
  if (find_on_path("virsh").empty())
    throw Failure(kFailed, "virsh, which shows a serial console, is not installed",
                  install_hint("Install it:  ", {"libvirt-clients", "libvirt-client", "libvirt"}));
  return {"virsh", "--connect", "qemu:///session", "console", uuid};
}

int show(Console& console, const ConsoleOptions& options) {
  const VmWanted wanted{options.start,
                        std::string("virtsessionctl console --start ") + (options.serial ? "--serial " : "")};
  auto client = client_for(console, wanted);
  const auto vm = client.select_one(options.vm);
  const auto command =
      options.serial
          ? serial_command(vm.uuid())
          : choose_viewer(options.with, "virtsessionctl console --serial " + vm.command_word()).command(vm.uuid());
  bring_up(client, console, vm, wanted);
  become(console, command);
}

}  // namespace

Verb add_console(CLI::App& app) {
  const auto options = std::make_shared<ConsoleOptions>();
  auto* command = app.add_subcommand("console", "Show a VM's screen, or its serial console")->group(kUse);
  command->add_option("VM", options->vm, "A name, a uuid or a pattern that fits one VM")->required();
  std::vector<std::string> names;
  for (const auto& viewer : viewers()) names.push_back(viewer.program);
  auto* with = command->add_option("--with", options->with, "Show it with this program: " + names_of_viewers())
                   ->option_text("NAME")
                   ->check(CLI::IsMember(names));
  command->add_flag("--serial", options->serial, "The serial console, on this terminal; Ctrl+] leaves it")
      ->excludes(with);
  command->add_flag("--start", options->start, "Start the VM if it is off");
  command->footer("Goes on as the first of these programs that is installed: " + names_of_viewers() +
                  ".\n--serial goes on as virsh console.");
  return {command, Completes::one_vm, [options](Console& console) { return show(console, *options); }};
}

}  // namespace virtsession::ctl
