// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../console.hpp"
#include "../program.hpp"
#include "../verb.hpp"

namespace virtsession::ctl {
namespace {

/// What the journal's entries about a VM have. When virtsessiond cannot tell the uuid, the name must do.
std::string journal_match(const std::string& vm) {
  Client client;
  if (!client.find()) return "VIRTSESSION_VM=" + vm;
  return "VIRTSESSION_VM_UUID=" + client.select_one(vm).uuid();
}

}  // namespace

Verb add_logs(CLI::App& app) {
  const auto vm = std::make_shared<std::string>();
  auto* command = app.add_subcommand("logs", "What the journal has about a VM, or about virtsessiond")->group(kLook);
  command->add_option("VM", *vm, "The VM; without one, virtsessiond");
  command->allow_extras();
  command->fallthrough(false);  // also what looks like an option of ours is journalctl's, but the help
  const std::string about_help = "Show this text";  // CLI11 2.1 takes no literal here
  command->add_flag("-h,--help", about_help);
  command->footer(
      "Further arguments are journalctl's: 'virtsessionctl logs web -f', 'logs web --since today'. Name the VM first.");
  return {command, Completes::vms, [vm, command](Console& console) -> int {
            std::vector<std::string> words{"journalctl", "--user",
                                           vm->empty() ? "--unit=virtsessiond" : journal_match(*vm)};
            for (auto& extra : command->remaining()) words.push_back(std::move(extra));
            become(console, std::move(words));
          }};
}

}  // namespace virtsession::ctl
