// SPDX-License-Identifier: LGPL-2.1-or-later
// The search as GNOME Shell and KRunner call it, against the real daemon.
#include "ctl/session.hpp"
#include "e2e/support/wait_until.hpp"
#include "fakes/dbusmock.hpp"

using namespace virtsession::test;
using Json = nlohmann::json;

namespace {

constexpr const char* kWeb = "11111111-2222-3333-4444-555555555555";
constexpr const char* kDb = "21111111-2222-3333-4444-555555555555";
constexpr const char* kGnome = "org.gnome.Shell.SearchProvider2";
constexpr const char* kKde = "org.kde.krunner1";

/// The usual VMs, virtsessiond, and a bus that starts the search when somebody wants it.
struct Desk : Session {
  explicit Desk(bool with_daemon = true) {
    define(usual_domains());
    if (with_daemon)
      start_daemon();
    else
      offer_daemon();
    offer("org.virtsession.Search", VIRTSESSION_SEARCH);
  }

  CommandResult busctl(std::vector<std::string> words) const {
    words.insert(words.begin(), {"busctl", "--address=" + bus().address(), "--json=short"});
    return run(words);
  }
  /// What a method of the search answers. \param words its signature and arguments
  Json call(const std::string& interface, const std::string& method, std::vector<std::string> words = {}) const {
    words.insert(words.begin(), {"call", "org.virtsession.Search", "/org/virtsession/Search", interface, method});
    const auto result = busctl(words);
    REQUIRE_MESSAGE(result.succeeded(), result.err);
    return result.out.empty() ? Json() : Json::parse(result.out)["data"].at(0);
  }
  Json find(const std::string& term) const { return call(kGnome, "GetInitialResultSet", {"as", "1", term}); }
  bool is_there() const {
    const auto answer = busctl(
        {"call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", "s", "org.virtsession.Search"});
    return Json::parse(answer.out)["data"].at(0).get<bool>();
  }
  void wait_for(const std::string& vm, const std::string& state) const {
    wait_until([&] { return out({"show", vm, "-p", "State"}) == state + "\n"; }, kDeadline, vm + " is " + state);
  }
};

std::string id(const std::string& action, const std::string& uuid) { return action + " " + uuid; }

}  // namespace

TEST_CASE("GNOME Shell: a name, Enter, and the VM runs") {
  const Desk desk;
  CHECK(desk.find("db") == Json({id("start", kDb)}));
  const auto metas = desk.call(kGnome, "GetResultMetas", {"as", "1", id("start", kDb)});
  REQUIRE(metas.size() == 1);
  CHECK(metas[0]["id"]["data"] == id("start", kDb));
  CHECK(metas[0]["name"]["data"] == "db");
  CHECK(metas[0]["description"]["data"] == "Off (press Enter to start)");
  CHECK(metas[0]["gicon"]["data"] == "org.virtsession.Window");
  desk.call(kGnome, "ActivateResult", {"sasu", id("start", kDb), "1", "db", "0"});
  desk.wait_for("db", "running");
  CHECK(desk.out({"history", "db"}).find("virtsession-sea") != std::string::npos);
}

TEST_CASE("GNOME Shell: one VM that runs can be shut down and saved from its results") {
  const Desk desk;
  CHECK(desk.find("server") == Json({id("open", kWeb), id("shutdown", kWeb), id("save", kWeb)}));
  CHECK(desk.find("web").size() == 2);
  const auto more = desk.call(kGnome, "GetSubsearchResultSet", {"asas", "1", id("open", kWeb), "2", "save", "server"});
  CHECK(more == Json({id("save", kWeb)}));
  const auto metas = desk.call(kGnome, "GetResultMetas", {"as", "2", id("save", kWeb), "save nobody"});
  REQUIRE(metas.size() == 1);
  CHECK(metas[0]["name"]["data"] == "web: Save");
  CHECK(metas[0]["description"]["data"] == "Web server – Running");
  desk.call(kGnome, "ActivateResult", {"sasu", id("save", kWeb), "0", "0"});
  desk.wait_for("web", "shut-off");
  CHECK(desk.out({"show", "web", "-p", "ManagedSave"}) == "true\n");
}

TEST_CASE("KRunner: its matches have buttons for what else can be done") {
  const Desk desk;
  const auto actions = desk.call(kKde, "Actions");
  REQUIRE(actions.size() == 3);
  CHECK(actions[0][0] == "shutdown");
  CHECK(actions[0][1] == "Shut Down");
  const auto matches = desk.call(kKde, "Match", {"s", "web server"});
  REQUIRE(matches.size() == 1);
  CHECK(matches[0][0] == id("open", kWeb));
  CHECK(matches[0][1] == "web");
  CHECK(matches[0][5]["subtext"]["data"] == "Web server – Running");
  CHECK(matches[0][5]["actions"]["data"] == Json({"shutdown", "save"}));
  desk.call(kKde, "Run", {"ss", id("open", kWeb), "shutdown"});
  desk.wait_for("web", "shut-off");
  const auto off = desk.call(kKde, "Match", {"s", "web server"});
  CHECK(off[0][0] == id("start", kWeb));
  CHECK(off[0][5]["actions"]["data"] == Json({"open"}));
  desk.call(kKde, "Run", {"ss", id("start", kWeb), ""});
  desk.wait_for("web", "running");
}

TEST_CASE("a search starts no virtsessiond") {
  Desk desk(false);
  desk.run_as_person();
  CHECK(desk.find("web") == Json::array());
  CHECK(desk.call(kKde, "Match", {"s", "web"}) == Json::array());
  CHECK(desk.ctl({"status"}).status == 3);
}

TEST_CASE("what cannot be done is told by a notification") {
  virtsession::EventLoop loop;
  const Desk desk;
  Client client(loop, desk.bus());
  DbusMock server(loop, desk.bus(), client, "notification_daemon", "org.freedesktop.Notifications",
                  "/org/freedesktop/Notifications", R"({"capabilities": "body"})");
  // There is no window here to show it.
  desk.call(kGnome, "ActivateResult", {"sasu", id("open", kWeb), "0", "0"});
  server.wait_for("Notify", 1);
  CHECK(server.calls.back().arguments.at(3).get<std::string>() == "Failed to show “web”");
}

TEST_CASE("it ends when nobody has asked for a while, and is there again for the next who does") {
  Desk desk;
  desk.environment["VIRTSESSION_SEARCH_IDLE_MS"] = "50";
  desk.offer("org.virtsession.Search", VIRTSESSION_SEARCH);
  CHECK(desk.find("db").size() == 1);
  wait_until([&] { return !desk.is_there(); }, kDeadline, "the search has ended");
  CHECK(desk.find("db").size() == 1);
}
