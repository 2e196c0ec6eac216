// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../move_program.hpp"
#include "../verb.hpp"
#include "move/options.hpp"

#include <memory>

namespace virtsession::ctl {

Verb add_move(CLI::App& app) {
  const auto options = std::make_shared<move::Options>();
  auto* command =
      app.add_subcommand("move", "Move a VM from qemu:///system to the session, or back")->group(kConfigure);
  move::add_options(*command, *options);
  command->footer(
      "The VM must be off. --dry-run shows what goes where and what changes for the guest; virtsession-move(7) has "
      "more.\n"
      "Exits with 3 when something is in the way; nothing is changed then.");
  return {command, Completes::vms_of_both,
          [options](Console& console) -> int { run_move_program(console, move::to_arguments(*options)); }};
}

}  // namespace virtsession::ctl
