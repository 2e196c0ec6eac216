// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/problem_list.hpp"

#include "core/config.hpp"
#include "core/policy.hpp"
#include "core/start_plan.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using nlohmann::json;

namespace {

std::string many_keys(int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i) text += (i == 0 ? "\"" : ",\"") + ("k" + std::to_string(i)) + "\":1";
  return text + "}";
}

std::size_t size_of(const std::vector<Problem>& problems) {
  std::size_t size = 0;
  for (const auto& problem : problems) size += problem.pointer.size() + problem.text.size() + problem.suggestion.size();
  return size;
}

}  // namespace

TEST_CASE("problems: the first 100, and how many more") {
  for (const auto& text : {many_keys(380'000), "{\"defaults\":" + many_keys(379'999) + ",\"x\":1}"}) {
    const auto problems = read_config(text).problems;
    REQUIRE(problems.size() == 101);
    CHECK(problems[0].text == "unknown key k0");
    CHECK(problems[100].text == "and 379900 more");
    CHECK(problems[100].code == ProblemCode::more);
  }
  CHECK(read_config(many_keys(100)).problems.size() == 100);
  CHECK(read_config(many_keys(101)).problems.back().text == "and 1 more");
  const auto policy = read_policy_text(many_keys(5000)).keys;
  CHECK(policy.problems.size() == 101);
  CHECK(policy.problems.back().text == "and 4900 more");
}

TEST_CASE("problems: what a policy starts after is a list of the same length") {
  StartNode node;
  node.uuid = "uuid-a";
  node.name = "a";
  node.starts = true;
  for (int i = 0; i < 3000; ++i) node.after.push_back("vm" + std::to_string(i));
  const auto planned = plan_starts({node});
  REQUIRE(planned.size() == 1);
  CHECK(planned[0].problems.size() == 101);
  CHECK(planned[0].problems.back().text == "and 2900 more");
}

TEST_CASE("problems: long names are cut, never within a character") {
  std::string key = "a";
  for (int i = 0; i < 100'000; ++i) key += "\u00e9";
  const auto problems = read_config(json{{key, 1}}.dump()).problems;
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].text.starts_with("unknown key a\u00e9"));
  CHECK(problems[0].text.ends_with("\u00e9..."));
  CHECK(size_of(problems) < 1000);
  CHECK(size_of(read_config("{\"log_level\": " + std::string(200'000, 'x')).problems) < 1000);
  CHECK(size_of(read_config(R"({"defaults": {"start_if_paths": [")" + std::string(200'000, 'x') + "\"]}}").problems) <
        1000);
}
