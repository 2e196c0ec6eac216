// SPDX-License-Identifier: LGPL-2.1-or-later
#include "move_program.hpp"

#include "program.hpp"

namespace virtsession::ctl {

void run_move_program(Console& console, std::vector<std::string> arguments) {
  if (console.json) arguments.insert(arguments.begin(), "--json");
  arguments.insert(arguments.begin(), VIRTSESSION_MOVE);
  become(console, std::move(arguments));
}

}  // namespace virtsession::ctl
