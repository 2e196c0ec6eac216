// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/config.hpp"

#include "core/json_text.hpp"

#include <algorithm>
#include <functional>

namespace virtsession {
namespace {

using nlohmann::json;

struct ConfigKey {
  std::string_view name;
  /// Checks and stores. \return what is wrong, or empty
  std::function<std::string(Config&, const json&)> read;
  json schema;
};

template <class E>
ConfigKey choice(std::string_view name, E Config::*member) {
  json values = json::array();
  for (const auto& [value, text] : kEnumText<E>.rows) values.push_back(text);
  return {name,
          [=](Config& config, const json& value) -> std::string {
            const auto known = value.is_string() ? from_text<E>(value.get_ref<const std::string&>()) : std::nullopt;
            if (!known) return "must be one of " + values.dump();
            config.*member = *known;
            return {};
          },
          {{"type", "string"}, {"enum", values}, {"default", to_text(Config{}.*member)}}};
}

ConfigKey boolean(std::string_view name, bool Config::*member) {
  return {name,
          [=](Config& config, const json& value) -> std::string {
            if (!value.is_boolean()) return "must be true or false, not " + std::string(json_type_name(value));
            config.*member = value.get<bool>();
            return {};
          },
          {{"type", "boolean"}, {"default", Config{}.*member}}};
}

ConfigKey integer(std::string_view name, std::int64_t Config::*member, std::int64_t low, std::int64_t high) {
  return {name,
          [=](Config& config, const json& value) -> std::string {
            if (!value.is_number_integer()) return "must be an integer, not " + std::string(json_type_name(value));
            const bool too_big = value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX};
            if (too_big || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
              return "must be from " + std::to_string(low) + " to " + std::to_string(high);
            config.*member = value.get<std::int64_t>();
            return {};
          },
          {{"type", "integer"}, {"minimum", low}, {"maximum", high}, {"default", Config{}.*member}}};
}

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> table = {
      choice("libvirt_daemon", &Config::libvirt_daemon), boolean("autostart", &Config::autostart),
      integer("parallel", &Config::parallel, 1, 4),      integer("stop_parallel", &Config::stop_parallel, 1, 64),
      boolean("notifications", &Config::notifications),  integer("history_size", &Config::history_size, 1, 10000),
      choice("log_level", &Config::log_level),
  };
  return table;
}

Problem unknown_config_key(const std::string& name) {
  const auto meant = closest_match(name, config_key_names());
  std::string suggestion = meant.empty() ? "" : "did you mean " + meant + "?";
  if (suggestion.empty() && !policy_key_schema(name).is_null()) suggestion = "policy keys go into \"defaults\"";
  return {json_pointer_part(name), "unknown key " + name, suggestion, ProblemCode::unknown_key};
}

void read_key(const std::string& name, const json& value, Config& config, ProblemList& problems) {
  if (name == "$schema") return;  // for editors
  if (name == "defaults") {
    config.defaults = check_policy(value, "/defaults", problems);
    return;
  }
  const auto key = std::ranges::find(config_keys(), name, &ConfigKey::name);
  if (key == config_keys().end())
    problems.add([&] { return unknown_config_key(name); });
  else if (auto problem = key->read(config, value); !problem.empty())
    problems.add(Problem{json_pointer_part(name), name + " " + problem,
                         "the default is " + key->schema["default"].dump(), ProblemCode::invalid_value});
}

}  // namespace

ConfigText read_config(std::string_view text) {
  ConfigText result;
  ProblemList problems;
  const auto parsed = parse_json(text, JsonComments::ignore);
  if (!parsed) {
    problems.add(Problem{"", parsed.error().message, ""});
  } else if (!parsed->is_object()) {
    problems.add(Problem{"", "must be an object, not " + std::string(json_type_name(*parsed)), ""});
  } else {
    for (const auto& [name, value] : parsed->items()) read_key(name, value, result.config, problems);
  }
  result.problems = problems.take();
  return result;
}

std::string to_text(const std::vector<Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) {
    if (!text.empty()) text += "; ";
    if (!problem.pointer.empty()) text += problem.pointer + ": ";
    text += problem.text;
    if (!problem.suggestion.empty()) text += " (" + problem.suggestion + ")";
  }
  return text;
}

json config_key_schema(std::string_view name) {
  const auto key = std::ranges::find(config_keys(), name, &ConfigKey::name);
  return key == config_keys().end() ? json() : key->schema;
}

std::vector<std::string_view> config_key_names() {
  std::vector<std::string_view> names;
  for (const auto& key : config_keys()) names.push_back(key.name);
  names.push_back("defaults");
  return names;
}

}  // namespace virtsession
