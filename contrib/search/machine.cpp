// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine.hpp"

namespace virtsession::search {

Action default_action(const Machine& machine) { return can(machine, Action::start) ? Action::start : Action::open; }

bool can(const Machine& machine, Action action) {
  const auto& phase = machine.phase;
  const bool settled = phase == "running" || phase == "waiting-ready" || phase == "paused" || phase == "stuck";
  switch (action) {
    case Action::start:
      // What is on its way up needs no start; backoff and waiting are cut short by one.
      return machine.state == "shut-off" && machine.phase != "starting" && machine.phase != "queued";
    case Action::open:
      return true;
    case Action::shutdown:
      return settled && (machine.state == "running" || machine.state == "blocked");
    case Action::save:
      return settled && machine.state != "crashed" && machine.state != "pm-suspended";
  }
  return false;
}

}  // namespace virtsession::search
