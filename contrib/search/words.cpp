// SPDX-License-Identifier: LGPL-2.1-or-later
#include "words.hpp"

#include "texts/translate.hpp"

namespace virtsession::search {
namespace {

using namespace texts;

std::string doing(const Machine& machine) {
  if (machine.phase == "gave-up") return _("Gave up starting");
  if (machine.phase == "starting" || machine.phase == "queued") return _("Starting");
  if (machine.phase == "waiting" || machine.phase == "backoff") return _("Waiting to start");
  if (machine.phase == "stopping") return _("Shutting down");
  if (machine.phase == "saving") return _("Saving");
  if (machine.phase == "stuck") return _("Stuck");
  if (machine.state == "paused") return _("Paused");
  if (machine.state == "pm-suspended") return _("Asleep");
  if (machine.state == "crashed") return _("Crashed");
  if (machine.state == "shut-off") return machine.saved ? _("Saved") : _("Off");
  return machine.state == "unknown" ? _("Unknown") : _("Running");
}

}  // namespace

std::string action_words(Action action) {
  switch (action) {
    case Action::start:
      return _("Start");
    case Action::open:
      return _("Show");
    case Action::shutdown:
      return _("Shut Down");
    case Action::save:
      return _("Save");
  }
  return {};
}

std::string result_title(const Machine& machine, Action action) {
  if (action == default_action(machine)) return machine.name;
  return fmt::format("{}: {}", machine.name, action_words(action));
}

std::string result_text(const Machine& machine, Action action) {
  auto text = doing(machine);
  if (action == Action::start) text += fmt::format(" ({})", _("press Enter to start"));
  return machine.title.empty() ? text : machine.title + " – " + text;
}

std::string failure_title(const std::string& vm, Action action) {
  switch (action) {
    case Action::start:
      return filled(_("Failed to start “{}”"), vm);
    case Action::shutdown:
      return filled(_("Failed to shut down “{}”"), vm);
    case Action::save:
      return filled(_("Failed to save “{}”"), vm);
    case Action::open:
      break;
  }
  return filled(_("Failed to show “{}”"), vm);
}

}  // namespace virtsession::search
