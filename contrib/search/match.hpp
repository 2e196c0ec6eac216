// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "machine.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession::search {

/// A VM that was found, and what it would be asked for.
struct Match {
  Machine machine;
  Action action = Action::open;
  double relevance = 0;  ///< 0 to 1
};

/// What terms find, best first. A term is part of a VM's name or title, in any case of its letters, or begins the word
/// for an action ("save web"); at least one is of the name. Without a word for an action a match has the VM's default
/// action. Case is folded by the locale of the process.
std::vector<Match> match(const std::vector<Machine>& machines, const std::vector<std::string>& terms);

/// A match's name on the bus, "start 11111111-2222-3333-4444-555555555555", and what it means.
struct MatchId {
  Action action = Action::open;
  std::string uuid;

  std::string text() const;
  static std::optional<MatchId> parse(std::string_view text);
};

/// The action's name on the bus: "start", "open", "shutdown", "save".
std::string_view action_id(Action action);
std::optional<Action> parse_action(std::string_view id);

}  // namespace virtsession::search
