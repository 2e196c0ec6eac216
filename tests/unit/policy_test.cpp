// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

using namespace virtsession;
using nlohmann::json;

namespace {

/// Empty when the value can be used.
std::string problem_of(const std::string& key, const json& value) {
  const auto checked = check_policy({{key, value}});
  CHECK(checked.problems.size() + checked.used.size() == 1);
  return checked.problems.empty() ? "" : checked.problems[0].text;
}

json effective(const json& keys) {
  Policy policy;
  const auto checked = check_policy(keys);
  REQUIRE(checked.problems.empty());
  apply_policy(policy, checked.used);
  return to_json(policy);
}

struct Row {
  std::string key;
  std::vector<json> good;
  std::vector<json> bad;
};

const json kWrongTypes[] = {json::object(), json::array({1})};
const std::set<std::string> kOptional = {"stop_order", "cpu_weight", "io_weight", "memory_high_mib"};

const std::vector<Row>& rows() {
  static const std::int64_t memory_limit = std::int64_t{1} << 30;
  static const std::vector<Row> table = {
      {"start", {"flag", "was-running", "never"}, {"Flag", "", "always", true, 1}},
      {"start_order",
       {0, -1000000, 1000000, -1},
       {-1000001, 1000001, 1.5, 0.0, "1", true, std::numeric_limits<std::uint64_t>::max(),
        std::numeric_limits<std::int64_t>::min()}},
      {"start_after",
       {json::array(), json::array({"db"}), json(std::vector<std::string>(256, "x"))},
       {"db", json::array({""}), json::array({"db", 1}), json(std::vector<std::string>(257, "x"))}},
      {"start_delay_sec", {0, 0.5, 86400}, {-0.1, 86400.1, "1", true, std::nan(""), INFINITY}},
      {"start_ready",
       {"started", "agent", "delay", "tcp:localhost:22", "tcp:[::1]:22", "tcp:::1:22", "tcp:a:65535", "tcp:10.0.0.1:1"},
       {"",
        "Agent",
        "tcp",
        "tcp:",
        "tcp:22",
        "tcp::22",
        "tcp:[]:22",
        "tcp:a:",
        "tcp:a:0",
        "tcp:a:65536",
        "tcp:a:-1",
        "tcp:a:+1",
        "tcp:a: 1",
        "tcp:a:1 ",
        "tcp:a:0x1",
        "tcp:[[a]]:1",
        "tcp:[a:1",
        "tcp:a]:1",
        "tcp:a b:1",
        "tcp:a\nb:1",
        std::string("tcp:a\0b:1", 9),
        "tcp:" + std::string(256, 'a') + ":1",
        1,
        true}},
      {"start_ready_timeout_sec", {0.1, 120, 86400}, {0, -1, 86401, "120", false}},
      {"start_ready_delay_sec", {0, 10, 86400}, {-1, 86401, "10"}},
      {"start_retries", {0, 3, 1000}, {-1, 1001, 1.0, "3"}},
      {"start_if_ac_power", {true, false}, {0, 1, "true"}},
      {"start_if_graphical", {true, false}, {0, "yes"}},
      {"start_if_free_memory_mib", {0, 4096, memory_limit}, {-1, memory_limit + 1, 1.5, "4096"}},
      {"start_if_paths",
       {json::array(), json::array({"/"}), json::array({"/media/usb", "/home/me"})},
       {"/", json::array({"relative"}), json::array({""}), json::array({std::string("/a\0b", 4)}), json::array({1})}},
      {"after_units",
       {json::array(), json::array({"nbd.service", "sshfs@work.service", "home-me-disk\\x20a.mount", "a.automount"}),
        json::array({"nbd.socket"})},
       {"nbd.service", json::array({"nbd"}), json::array({".service"}), json::array({"default.target"}),
        json::array({"sshfs@.service"}), json::array({"a b.service"}), json::array({"a/b.mount"}), json::array({1}),
        json::array({std::string("a\0.service", 10)}), json::array({"virtsessiond.service"}),
        json::array({std::string(250, 'a') + ".service"})}},
      {"restart", {"no", "on-failure", "always"}, {"yes", "on_failure", false, 0}},
      {"restart_delay_sec", {0, 1, 86400}, {-1, 86401, "1"}},
      {"restart_delay_max_sec", {0, 60, 86400}, {-1, 86401, "60"}},
      {"restart_limit", {0, 5, 1000}, {-1, 1001, 5.5}},
      {"restart_window_sec", {1, 600, 31536000}, {0, 0.9, 31536001, "600"}},
      {"when_saved_by_others", {"go-on", "leave"}, {"go_on", "no", true}},
      {"stop_actions",
       {json::array({"shutdown"}), json::array({"leave"}), json::array({"save", "shutdown", "poweroff", "leave"})},
       {json::array(), "shutdown", json::array({"shutdown", "shutdown"}), json::array({"destroy"}),
        json::array({"shutdown", 1}), json::array({""}), json::array({nullptr})}},
      {"stop_timeout_sec", {0.1, 60, 86400}, {0, 0.09, -1, 86401, "60"}},
      {"stop_order", {0, -1000000, 1000000}, {-1000001, 1000001, 1.5, "1", false}},
      {"sleep", {"none", "pause", "save"}, {"", "suspend", "no", false}},
      {"on_battery", {"none", "pause", "save"}, {"", "suspend", "no", false}},
      {"on_low_battery", {"none", "pause", "save"}, {"", "shutdown", "no", false}},
      {"resume_when_unstuck", {true, false}, {0, "true"}},
      {"resume_sync_time", {true, false}, {0, "true"}},
      {"ports",
       {json::array(), json::array({"2222:22"}), json::array({"127.0.0.1:2222:22/tcp", "2222:53/udp"}),
        json::array({"auto:22", "auto:80", "net1/8080:80", "[::1]:2222:22"})},
       {"2222:22", json::array({"22"}), json::array({2222}), json::array({"2222:22", "2222:80"}),
        json::array({"auto:22", "auto:22"}), json::array({"0.0.0.0:2222:22", "2222:23"})}},
      {"cpu_weight", {1, 100, 10000}, {0, 10001, -1, 1.5, "100", false}},
      {"io_weight", {1, 100, 10000}, {0, 10001, "100"}},
      {"memory_high_mib", {1, 4096, memory_limit}, {0, memory_limit + 1, -1, "4G"}},
  };
  return table;
}

}  // namespace

TEST_CASE("policy: every key takes its values and refuses others, at the boundary too") {
  std::vector<std::string_view> tested;
  for (const auto& row : rows()) {
    CAPTURE(row.key);
    tested.emplace_back(row.key);
    for (const auto& value : row.good) {
      CAPTURE(value);
      CHECK(problem_of(row.key, value) == "");
      const auto shown = effective({{row.key, value}})[row.key];
      if (row.key != "start_ready") CHECK(shown == value);
      CHECK_MESSAGE(effective({{row.key, shown}})[row.key] == shown, "what is shown can be set, and is the same then");
    }
    for (const auto& value : row.bad) {
      CAPTURE(value.dump(-1, ' ', false, json::error_handler_t::replace));
      CHECK(problem_of(row.key, value).starts_with(row.key + " "));
    }
    for (const auto& value : kWrongTypes) CHECK(problem_of(row.key, value) != "");
    CHECK((problem_of(row.key, nullptr) == "") == kOptional.contains(row.key));
  }
  CHECK_MESSAGE(tested == policy_key_names(), "a key of the policy is not in this table");
}

TEST_CASE("policy: a refused value tells the default, a misspelt key what was meant") {
  ProblemList problems;
  const auto used =
      check_policy({{"start_oder", 1}, {"restart", "maybe"}, {"colour", "red"}, {"a/b~c", 1}}, "/defaults", problems);
  const std::vector<Problem> expected = {
      {"/defaults/a~1b~0c", "unknown key a/b~c", "", ProblemCode::unknown_key},
      {"/defaults/colour", "unknown key colour", "", ProblemCode::unknown_key},
      {"/defaults/restart", R"(restart must be one of ["no","on-failure","always"])", "the default is \"no\"",
       ProblemCode::invalid_value},
      {"/defaults/start_oder", "unknown key start_oder", "did you mean start_order?", ProblemCode::unknown_key},
  };
  CHECK(problems.take() == expected);
  CHECK(used.empty());
}

TEST_CASE("policy: what is good is used although other keys are not") {
  const auto checked = check_policy({{"start_order", 5}, {"restart", 7}});
  CHECK(checked.used == json{{"start_order", 5}});
  CHECK(checked.problems.size() == 1);
}

TEST_CASE("policy: without keys it is the built-in one, and shows every key") {
  const auto shown = to_json(Policy{});
  CHECK(shown.size() == policy_key_names().size());
  CHECK(shown["start"] == "flag");
  CHECK(shown["start_ready"] == "started");
  CHECK(shown["start_ready_timeout_sec"] == 120);
  CHECK(shown["start_retries"] == 3);
  CHECK(shown["restart"] == "no");
  CHECK(shown["restart_limit"] == 5);
  CHECK(shown["restart_window_sec"] == 600);
  CHECK(shown["stop_actions"] == json{"shutdown", "save", "poweroff"});
  CHECK(shown["stop_timeout_sec"] == 60);
  CHECK(shown["stop_order"].is_null());
  CHECK(shown["sleep"] == "none");
  CHECK(shown["resume_sync_time"] == true);
  CHECK(shown["memory_high_mib"].is_null());
  for (const auto key : policy_key_names()) {
    CAPTURE(key);
    CHECK(policy_key_schema(key)["default"] == shown[std::string(key)]);
  }
  CHECK(policy_key_schema("start_oder").is_null());
}

TEST_CASE("policy: null is no value, and takes that of the configuration back") {
  Policy policy;
  apply_policy(policy, {{"stop_order", 5}, {"cpu_weight", 200}, {"stop_actions", {"save", "leave"}}});
  CHECK(policy.stop_order == 5);
  CHECK(policy.cpu_weight == 200);
  CHECK(policy.stop_actions == std::vector{StopAction::save, StopAction::leave});
  apply_policy(policy, {{"stop_order", nullptr}, {"cpu_weight", nullptr}, {"stop_actions", {"poweroff"}}});
  CHECK_FALSE(policy.stop_order);
  CHECK(to_json(policy)["cpu_weight"].is_null());
  CHECK(policy.stop_actions == std::vector{StopAction::poweroff});
}

TEST_CASE("policy: readiness keeps host and port, with brackets for an IPv6 address") {
  CHECK(parse_readiness("tcp:[fe80::1]:22") == Readiness{ReadyWhen::tcp, "fe80::1", 22});
  CHECK(parse_readiness("tcp:fe80::1:22") == Readiness{ReadyWhen::tcp, "fe80::1", 22});
  CHECK(to_text(*parse_readiness("tcp:fe80::1:22")) == "tcp:[fe80::1]:22");
  CHECK(to_text(*parse_readiness("tcp:[host]:22")) == "tcp:host:22");
}

TEST_CASE("policy text: hostile metadata is reported and never used") {
  struct Text {
    std::string text;
    std::string problem;
  };
  const Text texts[] = {
      {"", "not JSON"},
      {"start_order=1", "not JSON"},
      {"{\"start_order\": 1", "not JSON"},
      {"{\"start_order\": 1, \"start_order\": 2}", "twice"},
      {"// 1\n{}", "not JSON"},
      {"[]", "must be an object of policy keys, not a list"},
      {"null", "not null"},
      {"\"start\"", "not a string"},
      {"5", "not an integer"},
      {"{\"start_after\": [\"\xff\xfe\"]}", "not JSON"},
      {std::string(60000, '['), "deep"},
      {"{\"start_order\": 1e400}", "not JSON"},
      {"{\"start_order\": 99999999999999999999999}", "must be an integer"},
  };
  for (const auto& [text, problem] : texts) {
    const auto shown = text.substr(0, 40);
    CAPTURE(shown);
    const auto read = read_policy_text(text);
    CHECK(read.keys.used.empty());
    REQUIRE(read.keys.problems.size() == 1);
    CAPTURE(read.keys.problems[0].text);
    CHECK(read.keys.problems[0].text.find(problem) != std::string::npos);
    CHECK(read.raw.is_null() == !text.starts_with("{\"start_order\": 999"));
  }
}

TEST_CASE("policy text: what could not be used is kept for the next change") {
  const auto read = read_policy_text(R"({"start_order": 3, "from_the_future": {"a": 1}, "restart": "sometimes"})");
  CHECK(read.raw["from_the_future"]["a"] == 1);
  CHECK(read.raw["restart"] == "sometimes");
  CHECK(read.keys.used == json{{"start_order", 3}});
  CHECK(read.keys.problems.size() == 2);
}
