// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"

#include <filesystem>
#include <fstream>

using namespace virtsession::test;

namespace {

struct WithPolicies : Usual {
  /// An editor that runs these shell commands on "$1", one line at each call.
  void use_editor(const std::vector<std::string>& calls) {
    const auto script = (folder() / "editor").string();
    std::ofstream file(script);
    file << "#!/bin/sh\ncount=$(cat " << script << ".count 2>/dev/null || echo 0)\n"
         << "echo $((count + 1)) > " << script << ".count\ncp \"$1\" " << script << ".given$count\ncase $count in\n";
    for (std::size_t i = 0; i < calls.size(); ++i) file << i << ") " << calls[i] << " ;;\n";
    file << "esac\n";
    file.close();
    std::filesystem::remove(script + ".count");
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    environment["EDITOR"] = "sh " + script;  // with an argument of its own
  }
  std::string given(int call) const {
    std::ifstream file(folder() / ("editor.given" + std::to_string(call)));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  nlohmann::json overrides(const std::string& vm) const { return json({"policy", vm})["policy_overrides"]; }
};

}  // namespace

TEST_CASE("policy: every value in force, and where it comes from") {
  Session session;
  session.define(usual_domains());
  session.write_config(R"({"defaults": {"restart": "always"}})");
  session.start_daemon();
  const auto config = session.folder().path().string() + "/config/virtsession/config.json";
  CHECK(session.out({"policy", "mail"}) == R"(KEY                       VALUE                   FROM
after_units                                       built-in
cpu_weight                -                       not set
io_weight                 -                       not set
memory_high_mib           -                       not set
on_battery                none                    built-in
on_low_battery            none                    built-in
ports                                             built-in
restart                   always                  )" +
                                               config +
                                               R"(
restart_delay_max_sec     60                      built-in
restart_delay_sec         1                       built-in
restart_limit             5                       built-in
restart_window_sec        600                     built-in
resume_sync_time          true                    built-in
resume_when_unstuck       true                    built-in
sleep                     none                    built-in
start                     flag                    built-in
start_after               db                      this VM
start_delay_sec           0                       built-in
start_if_ac_power         false                   built-in
start_if_free_memory_mib  0                       built-in
start_if_graphical        false                   built-in
start_if_paths                                    built-in
start_order               20                      this VM
start_ready               started                 built-in
start_ready_delay_sec     10                      built-in
start_ready_timeout_sec   120                     built-in
start_retries             3                       built-in
stop_actions              shutdown,save,poweroff  built-in
stop_order                -                       not set
stop_timeout_sec          60                      built-in
when_saved_by_others      go-on                   built-in
)");
  CHECK(session.out({"policy", "mail", "start_order"}) == "20\n");
  const auto mail = session.json({"policy", "mail"});
  CHECK(mail["sources"]["restart"] == "configuration");
  CHECK(mail["sources"]["start_order"] == "vm");
  CHECK(mail["sources"]["start"] == "built-in");
  CHECK(mail["policy"]["start_after"] == nlohmann::json::array({"db"}));
  CHECK(session.json({"policy", "mail", "start_order"}) == 20);
  CHECK(session.json({"policy", "mail", "stop_order"}).is_null());
}

TEST_CASE("policy KEY=VALUE: of each type, all or none; --clear takes back") {
  const WithPolicies session;
  CHECK(session.out({"policy", "web", "restart=on-failure", "start_order=-5", "start_delay_sec=2.5",
                     "start_if_ac_power=yes", "start_after=db,mail", "start_if_paths=[\"/a,b\"]", "stop_order=7"}) ==
        "web: the policy is changed\n");
  CHECK(session.overrides("web") == nlohmann::json{{"restart", "on-failure"},
                                                   {"start_order", -5},
                                                   {"start_delay_sec", 2.5},
                                                   {"start_if_ac_power", true},
                                                   {"start_after", {"db", "mail"}},
                                                   {"start_if_paths", {"/a,b"}},
                                                   {"stop_order", 7}});
  CHECK(session.out({"policy", "web", "--clear", "start_order", "start_if_paths", "stop_order"}) ==
        "web: the defaults apply again\n");
  CHECK(session.out({"policy", "web", "start_after="}) == "web: the policy is changed\n");
  CHECK(session.overrides("web") == nlohmann::json{{"restart", "on-failure"},
                                                   {"start_delay_sec", 2.5},
                                                   {"start_if_ac_power", true},
                                                   {"start_after", nlohmann::json::array()}});
  const auto text = session.err({"policy", "web", "restart=always", "start_order=first"}, 1);
  CHECK(text.find("start_order must be an integer, not a string") != std::string::npos);
  CHECK(session.overrides("web")["restart"] == "on-failure");
  CHECK(session.out({"policy", "web", "--clear"}) == "web: the defaults apply again\n");
  CHECK(session.overrides("web").empty());
}

TEST_CASE("policy --edit: the text has everything to choose from, and what was written applies") {
  WithPolicies session;
  session.use_editor({R"(printf '// mine\n{"start_order": 7, "restart": "always"}' > "$1")"});
  CHECK(session.out({"policy", "mail", "--edit"}) == "mail: the policy is changed\n");
  CHECK(session.overrides("mail") == nlohmann::json{{"start_order", 7}, {"restart", "always"}});
  const auto text = session.given(0);
  CHECK(text.find("// The policy that VM \"mail\" carries.") == 0);
  CHECK(text.find("//   \"restart\": \"no\",") != std::string::npos);
  CHECK(text.find("no, on-failure, always") != std::string::npos);
  CHECK(text.find("//   \"cpu_weight\": (not set)") != std::string::npos);
  CHECK(text.find("a list of shutdown, save, poweroff, leave") != std::string::npos);
  CHECK(text.ends_with("{\n  \"start_after\": [\n    \"db\"\n  ],\n  \"start_order\": 20\n}\n"));
  CHECK(std::filesystem::is_empty(session.folder() / "tmp"));
}

TEST_CASE("policy --edit: nothing changed, and an editor that fails, change nothing") {
  WithPolicies session;
  session.use_editor({"true", "exit 3"});
  CHECK(session.out({"policy", "mail", "--edit"}) == "mail: the policy stays as it was\n");
  CHECK(session.err({"policy", "mail", "-e"}, 1).find("the editor failed, and nothing is changed") !=
        std::string::npos);
  CHECK(session.overrides("mail")["start_order"] == 20);
  session.environment["VISUAL"] = "false";  // goes before EDITOR
  CHECK(session.err({"policy", "mail", "-e"}, 1).find("false") != std::string::npos);
}

TEST_CASE("policy --edit: what is refused can be edited again, and is not lost") {
  WithPolicies session;
  session.use_editor(
      {R"(printf '{"start_oder": 7}' > "$1")", R"(sed -i 's/7}/7/' "$1")", R"(printf '{"start_order": 8}' > "$1")"});
  OnTerminal terminal(session.command({"policy", "mail", "--edit"}));
  terminal.wait_for("unknown key start_oder (did you mean start_order?)");
  terminal.wait_for("Edit again? [Y/n]");
  terminal.type("\n");
  terminal.wait_for("line 1, column ");
  terminal.wait_for("Edit again? [Y/n]");
  terminal.type("y\n");
  terminal.wait_for("mail: the policy is changed");
  CHECK(terminal.wait() == 0);
  CHECK(session.given(1) == R"({"start_oder": 7})");
  CHECK(session.overrides("mail") == nlohmann::json{{"start_order", 8}});

  session.use_editor({R"(printf '{"start": "somehow"}' > "$1")"});
  OnTerminal another(session.command({"policy", "mail", "--edit"}));
  another.wait_for("Edit again? [Y/n]");
  another.type("n\n");
  another.wait_for("the policy stays as it was");
  another.wait_for("What you wrote is in ");
  CHECK(another.wait() == 1);
  CHECK(session.overrides("mail") == nlohmann::json{{"start_order", 8}});
  CHECK(!std::filesystem::is_empty(session.folder() / "tmp"));
}
