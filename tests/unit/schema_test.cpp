// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/config.hpp"
#include "core/json_text.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

using namespace virtsession;
using nlohmann::json;

namespace {

std::string read_text(const char* name) {
  const auto path = std::filesystem::path(VIRTSESSION_CONFIG_DIR) / name;
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), "cannot read " << path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

json shipped_schema() {
  const auto parsed = parse_json(read_text("config.schema.json"), JsonComments::refuse);
  REQUIRE(parsed);
  return *parsed;
}

/// The shipped description of a key says what the code does, and has words for people besides.
void compare(json shipped, json in_code) {
  CHECK(shipped.value("description", "").size() > 20);
  shipped.erase("description");
  CHECK(shipped == in_code);
}

std::set<std::string> names_of(const json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

}  // namespace

TEST_CASE("shipped config.json: every key, at its built-in default") {
  const auto text = read_text("config.json");
  const auto read = read_config(text);
  CHECK(to_text(read.problems) == "");
  const auto shipped = *parse_json(text, JsonComments::ignore);
  for (const auto key : config_key_names()) {
    CAPTURE(key);
    REQUIRE(shipped.contains(key));
    if (key != "defaults") CHECK(shipped[std::string(key)] == config_key_schema(key)["default"]);
  }
  CHECK(shipped["defaults"] == to_json(Policy{}));
  CHECK(shipped.size() == config_key_names().size() + 1);  // and $schema
  auto without_defaults = read.config;
  without_defaults.defaults = json::object();
  CHECK(without_defaults == Config{});
}

TEST_CASE("shipped schema: the configuration's keys are those of the code, described") {
  const auto schema = shipped_schema();
  CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  CHECK(schema["type"] == "object");
  CHECK(schema["additionalProperties"] == false);
  std::set<std::string> expected{"$schema"};
  for (const auto key : config_key_names()) expected.emplace(key);
  CHECK(names_of(schema["properties"]) == expected);
  for (const auto key : config_key_names()) {
    CAPTURE(key);
    if (key != "defaults") compare(schema["properties"][std::string(key)], config_key_schema(key));
  }
}

TEST_CASE("shipped schema: the policy's keys are those of the code, described") {
  const auto schema = shipped_schema();
  CHECK(schema["properties"]["defaults"]["$ref"] == "#/$defs/policy");
  const auto policy = schema["$defs"]["policy"];
  CHECK(policy["type"] == "object");
  CHECK(policy["additionalProperties"] == false);
  std::set<std::string> expected;
  for (const auto key : policy_key_names()) expected.emplace(key);
  CHECK(names_of(policy["properties"]) == expected);
  for (const auto key : policy_key_names()) {
    CAPTURE(key);
    compare(policy["properties"][std::string(key)], policy_key_schema(key));
  }
}
