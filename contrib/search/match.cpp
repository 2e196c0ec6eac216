// SPDX-License-Identifier: LGPL-2.1-or-later
#include "match.hpp"

#include "texts/text_search.hpp"
#include "words.hpp"

#include <algorithm>
#include <array>
#include <cwctype>

namespace virtsession::search {
namespace {

constexpr std::array kActions{Action::start, Action::open, Action::shutdown, Action::save};

/// How well a term fits a text: 0 when it is not in it, 1 when it is all of it.
double fit(const std::wstring& text, const std::wstring& term) {
  const auto at = text.find(term);
  if (at == std::wstring::npos) return 0;
  if (text.size() == term.size()) return 1;
  if (at == 0) return 0.8;
  return std::iswalnum(static_cast<std::wint_t>(text[at - 1])) ? 0.4 : 0.6;
}

/// Whether a term begins a word of the action's text: "shut" and "down" of "Shut down".
bool asks_for(const std::wstring& term, Action action) {
  for (const auto& word : texts::words_of(action_words(action)))
    if (texts::folded(word).starts_with(term)) return true;
  return false;
}

struct Judged {
  double relevance = 0;              // of the worst term that is of the name
  std::vector<std::wstring> rest{};  // terms that are not
};

Judged judge(const Machine& machine, const std::vector<std::wstring>& terms) {
  const auto name = texts::folded(machine.name), title = texts::folded(machine.title);
  Judged judged;
  for (const auto& term : terms) {
    const double found =
        std::max({fit(name, term), 0.9 * fit(title, term), fit(texts::folded(machine.uuid), term) == 1 ? 1.0 : 0});
    if (found == 0)
      judged.rest.push_back(term);
    else
      judged.relevance = judged.relevance == 0 ? found : std::min(judged.relevance, found);
  }
  return judged;
}

}  // namespace

std::vector<Match> match(const std::vector<Machine>& machines, const std::vector<std::string>& terms) {
  std::vector<std::wstring> wanted;
  for (const auto& term : terms)
    if (!term.empty()) wanted.push_back(texts::folded(term));
  std::vector<Match> matches;
  for (const auto& machine : machines) {
    const auto judged = judge(machine, wanted);
    if (judged.relevance == 0) continue;
    if (judged.rest.empty()) {
      matches.push_back({machine, default_action(machine), judged.relevance});
      continue;
    }
    for (const auto action : kActions)
      if (can(machine, action) &&
          std::ranges::all_of(judged.rest, [&](const auto& term) { return asks_for(term, action); }))
        matches.push_back({machine, action, judged.relevance});
  }
  std::ranges::stable_sort(matches, [](const Match& a, const Match& b) {
    return a.relevance != b.relevance ? a.relevance > b.relevance : a.machine.name < b.machine.name;
  });
  return matches;
}

std::string_view action_id(Action action) {
  switch (action) {
    case Action::start:
      return "start";
    case Action::open:
      return "open";
    case Action::shutdown:
      return "shutdown";
    case Action::save:
      return "save";
  }
  return "open";
}

std::optional<Action> parse_action(std::string_view id) {
  for (const auto action : kActions)
    if (id == action_id(action)) return action;
  return std::nullopt;
}

std::string MatchId::text() const { return std::string(action_id(action)) + " " + uuid; }

std::optional<MatchId> MatchId::parse(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto action = parse_action(text.substr(0, space));
  if (!action) return std::nullopt;
  return MatchId{*action, std::string(text.substr(space + 1))};
}

}  // namespace virtsession::search
