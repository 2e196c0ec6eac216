// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/json_text.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

namespace {

std::string refused(std::string_view text, JsonComments comments = JsonComments::refuse) {
  const auto parsed = parse_json(text, comments);
  return parsed ? "accepted: " + parsed->dump() : parsed.error().message;
}

std::string nested(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
}

}  // namespace

TEST_CASE("JSON text: what is wrong is told with line and column") {
  struct Row {
    std::string text;
    std::string place;
  };
  const Row rows[] = {
      {"", "line 1, column 1: "},
      {"{\"a\" 1}", "line 1, column 6: "},
      {"{\n  \"a\": 1,\n  \"b\": tru\n}", "line 3, column "},
      {"{\"a\": 1} x", "line 1, column 10: "},
      {"{\"a\": 1", "line 1, column 8: "},
      {"{'a': 1}", "line 1, column 2: "},
      {"{\"a\": 1e999}", "line 1, column "},
      {"{\n\"a\": 1,\n\"a\": 2}", "line 3, column "},
      {"{\"a\": \"\xff\"}", "line 1, column "},
      {"// note\n{}", "line 1, column 1: "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto message = refused(row.text);
    CAPTURE(message);
    CHECK(message.starts_with(row.place));
    CHECK(message.size() > row.place.size() + 5);
    CHECK(message.find("json.exception") == std::string::npos);
  }
}

TEST_CASE("JSON text: a key that is there twice is refused by name, also inside") {
  CHECK(refused(R"({"a": 1, "a": 2})").find("\"a\" is there twice") != std::string::npos);
  CHECK(refused(R"({"o": {"b": 1, "b": 1}})").find("\"b\" is there twice") != std::string::npos);
  CHECK(parse_json(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})", JsonComments::refuse));
}

TEST_CASE("JSON text: nesting has a limit and never ends the process") {
  CHECK(parse_json(nested(32), JsonComments::refuse));
  CHECK(refused(nested(34)).find("levels deep") != std::string::npos);
  CHECK(refused(nested(1000000)).find("levels deep") != std::string::npos);
  CHECK(refused(std::string(1000000, '[')).find("levels deep") != std::string::npos);
}

TEST_CASE("JSON text: comments only where they are allowed") {
  const auto text = "/* for\npeople */ {\"a\": 1} // and more";
  CHECK(parse_json(text, JsonComments::ignore)->at("a") == 1);
  CHECK(refused(text).starts_with("line 1"));
  CHECK(refused("/* without an end", JsonComments::ignore).starts_with("line 1"));
}

TEST_CASE("JSON text: a NUL byte is no end of the text") {
  using namespace std::string_literals;
  CHECK(refused("{}\0{}"s).starts_with("line 1, column 3"));
}

TEST_CASE("closest match: a slip of the finger is recognised, another word is not") {
  const std::vector<std::string_view> keys = {"start_order", "start_after", "restart", "parallel"};
  CHECK(closest_match("start_oder", keys) == "start_order");
  CHECK(closest_match("start_orderr", keys) == "start_order");
  CHECK(closest_match("parralel", keys) == "parallel");
  CHECK(closest_match("restrat", keys) == "restart");
  CHECK(closest_match("wbe", {"db", "web"}) == "web");  // two letters swapped are one slip
  CHECK(closest_match("colour", keys).empty());
  CHECK(closest_match("tpm", {"hp"}).empty());
  CHECK(closest_match("x", {"y"}).empty());
  CHECK(closest_match("lst", {"list", "logs"}) == "list");
  CHECK(closest_match("", keys).empty());
  CHECK(closest_match("start_order", {}).empty());
}

TEST_CASE("closest match: a very long word is like none") {
  CHECK(closest_match(std::string(1000, 'x'), {"start_order", "restart"}).empty());
  CHECK(closest_match("start_order" + std::string(300, 'x'), {"start_order"}).empty());
}
