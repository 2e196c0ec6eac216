// SPDX-License-Identifier: LGPL-2.1-or-later
#include "search_object.hpp"

#include "texts/text_search.hpp"
#include "words.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace virtsession::search {
namespace {

constexpr const char* kPath = "/org/virtsession/Search";
constexpr const char* kIcon = "org.virtsession.Window";
constexpr std::size_t kMostResults = 20;  // more than a launcher shows
// KRunner::QueryMatch::Type
constexpr std::int32_t kPossibleMatch = 30;
constexpr std::int32_t kExactMatch = 100;
// What a VM can be asked for beside what Enter does, in the order of the buttons.
constexpr std::array kMore{Action::shutdown, Action::save, Action::open};

std::string icon_of(Action action) {
  switch (action) {
    case Action::start:
      return "media-playback-start";
    case Action::open:
      return "window-new";
    case Action::shutdown:
      return "system-shutdown";
    case Action::save:
      return "document-save";
  }
  return {};
}

/// GNOME Shell has no buttons at a result: for the one VM that was found, what they would do are results of their own.
std::vector<search::Match> with_more(std::vector<search::Match> matches) {
  if (matches.size() != 1 || matches.front().action != default_action(matches.front().machine)) return matches;
  const auto found = matches.front();
  for (const auto action : kMore)
    if (action != Action::open && action != found.action && can(found.machine, action))
      matches.push_back({found.machine, action, found.relevance / 2});
  return matches;
}

std::vector<std::string> ids_of(const std::vector<search::Match>& matches) {
  std::vector<std::string> ids;
  for (const auto& match : matches)
    if (ids.size() < kMostResults) ids.push_back(MatchId{match.action, match.machine.uuid}.text());
  return ids;
}

/// What a std::function can hold: an answer to a call cannot be copied.
template <class Answer>
std::shared_ptr<Answer> shared(Answer&& answer) {
  return std::make_shared<Answer>(std::move(answer));
}

std::string joined(const std::vector<std::string>& terms) {
  std::string text;
  for (const auto& term : terms) text += (text.empty() ? "" : " ") + term;
  return text;
}

std::vector<std::string> more_of(const search::Match& match) {
  std::vector<std::string> ids;
  for (const auto action : kMore)
    if (action != match.action && can(match.machine, action)) ids.emplace_back(action_id(action));
  return ids;
}

}  // namespace

SearchObject::SearchObject(EventLoop& loop, sdbus::IConnection& connection)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(kPath)), bus_(loop, connection) {
  registerAdaptor();
}

SearchObject::~SearchObject() { unregisterAdaptor(); }

void SearchObject::GetInitialResultSet(sdbus::Result<Texts>&& result, Texts terms) {
  on_use();
  bus_.machines([answer = shared(std::move(result)), terms = std::move(terms)](const std::vector<Machine>& machines) {
    answer->returnResults(ids_of(with_more(match(machines, terms))));
  });
}

void SearchObject::GetSubsearchResultSet(sdbus::Result<Texts>&& result, Texts, Texts terms) {
  // What was found before says nothing about "save web" after "web": all are looked at again.
  GetInitialResultSet(std::move(result), std::move(terms));
}

void SearchObject::GetResultMetas(sdbus::Result<std::vector<VariantMap>>&& result, Texts ids) {
  on_use();
  bus_.machines([answer = shared(std::move(result)), ids = std::move(ids)](const std::vector<Machine>& machines) {
    std::vector<VariantMap> metas;
    for (const auto& text : ids) {
      const auto id = MatchId::parse(text);
      if (!id) continue;
      const auto machine = std::ranges::find(machines, id->uuid, &Machine::uuid);
      if (machine == machines.end()) continue;
      metas.push_back({{"id", sdbus::Variant(text)},
                       {"name", sdbus::Variant(result_title(*machine, id->action))},
                       {"description", sdbus::Variant(result_text(*machine, id->action))},
                       {"gicon", sdbus::Variant(std::string(kIcon))}});
    }
    answer->returnResults(metas);
  });
}

void SearchObject::ActivateResult(const std::string& id, const Texts&, const std::uint32_t& timestamp) {
  on_use();
  if (const auto wanted = MatchId::parse(id)) bus_.run(*wanted, timestamp);
}

void SearchObject::LaunchSearch(const Texts& terms, const std::uint32_t& timestamp) {
  on_use();
  bus_.open_search(joined(terms), timestamp);
}

SearchObject::KdeActions SearchObject::Actions() {
  on_use();
  KdeActions actions;
  for (const auto action : kMore)
    actions.emplace_back(std::string(action_id(action)), action_words(action), icon_of(action));
  return actions;
}

void SearchObject::Match(sdbus::Result<KdeMatches>&& result, std::string query) {
  on_use();
  bus_.machines(
      [answer = shared(std::move(result)), terms = texts::words_of(query)](const std::vector<Machine>& machines) {
        KdeMatches rows;
        for (const auto& match : search::match(machines, terms)) {
          if (rows.size() == kMostResults) break;
          const VariantMap properties{{"subtext", sdbus::Variant(result_text(match.machine, match.action))},
                                      {"actions", sdbus::Variant(more_of(match))}};
          rows.emplace_back(MatchId{match.action, match.machine.uuid}.text(), result_title(match.machine, match.action),
                            std::string(kIcon), match.relevance == 1 ? kExactMatch : kPossibleMatch, match.relevance,
                            properties);
        }
        answer->returnResults(rows);
      });
}

void SearchObject::Run(const std::string& match_id, const std::string& action_id) {
  on_use();
  auto wanted = MatchId::parse(match_id);
  if (!wanted) return;
  if (const auto action = parse_action(action_id)) wanted->action = *action;
  bus_.run(*wanted, std::exchange(token_, {}));
}

void SearchObject::SetActivationToken(const std::string& token) {
  on_use();
  token_ = token;
}

}  // namespace virtsession::search
