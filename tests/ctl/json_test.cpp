// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"

#include <algorithm>

// The shapes that virtsessionctl(1) promises.

using namespace virtsession::test;
using nlohmann::json;

namespace {

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> names;
  for (const auto& [name, _] : object.items()) names.push_back(name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("--json: one document of the documented shape from every verb") {
  Session session;
  session.define(usual_domains());
  session.start_daemon();

  const auto list = session.json({"list"});
  REQUIRE(list.size() == 4);
  CHECK(list[0]["Name"] == "db");
  CHECK(list[2]["Title"] == "Web server");
  CHECK(list[1]["PolicyOverrides"] == json{{"start_order", 20}, {"start_after", {"db"}}});
  CHECK(session.json({"show", "db"}) == json::array({list[0]}));
  CHECK(session.json({"list", "--running"}).size() == 2);
  CHECK(session.json({"list", "--failed"}) == json::array());

  const auto status = session.json({"status"});
  CHECK(keys(status) == Names{"advice", "manager", "running", "vms"});
  CHECK(status["vms"] == list);
  CHECK(status["manager"]["LibvirtState"] == "ready");
  CHECK(status["manager"]["Counts"]["total"] == 4);
  CHECK(keys(status["advice"][0]) == Names{"commands", "subject", "text"});
  CHECK(session.json({"status", "db"})["vms"] == json::array({list[0]}));

  const auto started = session.json({"start", "db"});
  CHECK(started == json::array({{{"uuid", "21111111-2222-3333-4444-555555555555"},
                                 {"name", "db"},
                                 {"result", "done"},
                                 {"error", ""},
                                 {"message", ""}}}));
  const auto failed = session.json({"pause", "mail"}, 1);
  CHECK(failed[0]["result"] == "failed");
  CHECK(failed[0]["error"] == "org.virtsession.Supervisor1.Error.OperationFailed");
  CHECK(!failed[0]["message"].get<std::string>().empty());

  CHECK(keys(session.json({"plan"})[0]) == Names{"decision", "name", "path", "reason", "wave"});
  const auto history = session.json({"history", "db", "-n", "1"});
  REQUIRE(history.size() == 1);
  CHECK(keys(history[0]) == Names{"cause", "name", "path", "phase", "reason", "time_usec"});
  CHECK(history[0]["phase"] == "running");
  CHECK(keys(session.json({"policy", "mail"})) ==
        Names{"name", "policy", "policy_overrides", "policy_problems", "sources", "uuid"});
  CHECK(session.json({"policy", "mail", "restart=always"})["result"] == "done");
  CHECK(session.json({"start-all"}) == json{{"result", "done"}});
  CHECK(session.json({"reload"}) == json{{"result", "done"}});
  CHECK(keys(session.json({"version"})) == Names{"libvirt", "libvirt_daemon", "virtsessionctl", "virtsessiond"});
}

TEST_CASE("--json: problems have named members, and other letters than ASCII are escaped") {
  Session session;
  session.define(
      domain("Büro&#x9b;31m", "11111111-2222-3333-4444-555555555555", true, policy_metadata(R"({"start_oder": 3})")));
  session.start_daemon();
  const auto text = session.out({"list", "--json"});
  CHECK(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  const auto vm = json::parse(text)[0];
  CHECK(vm["Name"] == "Büro\u009b31m");
  CHECK(vm["PolicyProblems"] == json::array({{{"pointer", "/start_oder"},
                                              {"text", "unknown key start_oder"},
                                              {"suggestion", "did you mean start_order?"}}}));
  CHECK(vm["PolicyProblemCodes"] == json::array({"unknown-key"}));
}
