// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace virtsession::search {

/// One VM as far as a search needs it.
struct Machine {
  std::string uuid;
  std::string name;
  std::string title;  ///< empty when it has none
  std::string state;  ///< State of org.virtsession.Supervisor1.VM
  std::string phase;  ///< Phase of it
  bool saved = false;
};

/// What a found VM can be asked for.
enum class Action { start, open, shutdown, save };

/// \return what Enter does with it: it is started when it is off, else its page is opened
Action default_action(const Machine& machine);

/// \return whether it can be done now
bool can(const Machine& machine, Action action);

}  // namespace virtsession::search
