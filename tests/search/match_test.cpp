// SPDX-License-Identifier: LGPL-2.1-or-later
#include "match.hpp"

#include "texts/text_search.hpp"
#include "texts/translate.hpp"

#include <doctest/doctest.h>

using namespace virtsession::search;

namespace {

Machine running(const std::string& name, const std::string& title = {}) {
  return {"uuid-of-" + name, name, title, "running", "running", false};
}
Machine off(const std::string& name) { return {"uuid-of-" + name, name, "", "shut-off", "inactive", false}; }

/// "start web, open mail"
std::string found(const std::vector<Machine>& machines, const std::string& query) {
  std::string text;
  for (const auto& one : match(machines, virtsession::texts::words_of(query)))
    text += (text.empty() ? "" : ", ") + std::string(action_id(one.action)) + " " + one.machine.name;
  return text;
}

}  // namespace

TEST_CASE("a name finds its VM: one that is off would be started, others shown") {
  const std::vector<Machine> machines{running("mail"), off("web"), running("web-test"), off("the web")};
  CHECK(found(machines, "mail") == "open mail");
  CHECK(found(machines, "MAIL") == "open mail");
  CHECK(found(machines, "web") == "start web, open web-test, start the web");
  CHECK(found(machines, "test web") == "open web-test");
  CHECK(found(machines, "il") == "open mail");
  CHECK(found(machines, "db").empty());
  CHECK(found(machines, "  ").empty());
}

TEST_CASE("a title finds its VM, after those with the name") {
  const std::vector<Machine> machines{running("a", "Web server"), off("web")};
  CHECK(found(machines, "web") == "start web, open a");
  CHECK(found(machines, "server") == "open a");
}

TEST_CASE("letters of other alphabets are found in either case") {
  virtsession::texts::init_translations();
  CHECK(found({off("Äpfel")}, "äpfel") == "start Äpfel");
}

TEST_CASE("the word for an action beside a name asks for it where it can be done") {
  const std::vector<Machine> machines{running("web"), off("old web")};
  CHECK(found(machines, "save web") == "save web");
  CHECK(found(machines, "shut down web") == "shutdown web");
  CHECK(found(machines, "web shut") == "shutdown web");
  CHECK(found(machines, "start web") == "start old web");
  CHECK(found(machines, "save").empty());
  CHECK(found({running("save")}, "save") == "open save");
  CHECK(found(machines, "delete web").empty());
}

TEST_CASE("what can be done follows from state and phase") {
  auto paused = running("a");
  paused.state = paused.phase = "paused";
  CHECK(!can(paused, Action::shutdown));
  CHECK(can(paused, Action::save));
  auto saving = running("a");
  saving.phase = "saving";
  CHECK(!can(saving, Action::shutdown));
  CHECK(!can(saving, Action::save));
  auto gave_up = off("a");
  gave_up.phase = "gave-up";
  CHECK(default_action(gave_up) == Action::start);
  auto unknown = off("a");
  unknown.state = unknown.phase = "unknown";
  CHECK(default_action(unknown) == Action::open);
}

TEST_CASE("a result's name on the bus comes back as it was; what is none is refused") {
  const auto id = MatchId::parse(MatchId{Action::shutdown, "1-2"}.text());
  REQUIRE(id);
  CHECK(id->action == Action::shutdown);
  CHECK(id->uuid == "1-2");
  CHECK(!MatchId::parse("shutdown"));
  CHECK(!MatchId::parse("explode 1-2"));
  CHECK(!MatchId::parse(""));
}
