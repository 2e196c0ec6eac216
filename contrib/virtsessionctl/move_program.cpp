// SPDX-License-Identifier: LGPL-2.1-or-later
#include "move_program.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace virtsession::ctl {

void run_move_program(const Console& console, std::vector<std::string> arguments) {
  std::string program = VIRTSESSION_MOVE;
  if (console.json) arguments.insert(arguments.begin(), "--json");
  arguments.insert(arguments.begin(), program);
  std::vector<char*> words;
  for (auto& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  throw Failure(kFailed, "failed to run " + program + ": " + std::strerror(errno));
}

}  // namespace virtsession::ctl
