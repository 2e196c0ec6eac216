// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_values.hpp"

#include "core/policy.hpp"
#include "property_json.hpp"

#include <charconv>
#include <set>

namespace virtsession::ctl {
namespace {

using nlohmann::json;

/// A key that may be unset is of the first of its types.
std::string type_in(const json& schema) {
  const auto& type = schema.at("type");
  return type.is_array() ? type.front().get<std::string>() : type.get<std::string>();
}

std::string type_of(const std::string& key, const json& policy) {
  if (const auto schema = policy_key_schema(key); schema.is_object()) return type_in(schema);
  const auto now = policy.is_object() && policy.contains(key) ? policy.at(key) : json();
  return now.is_boolean()          ? "boolean"
         : now.is_number_integer() ? "integer"
         : now.is_number()         ? "number"
         : now.is_array()          ? "array"
                                   : "string";
}

template <class Number>
json number(const std::string& text) {
  Number value{};
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? json(value) : json(text);
}

json boolean(const std::string& text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return text;
}

json list(const std::string& text) {
  if (text.starts_with('[')) {
    auto parsed = json::parse(text, nullptr, false);
    return parsed.is_discarded() ? json(text) : parsed;
  }
  auto entries = json::array();
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto comma = std::min(text.find(',', begin), text.size());
    entries.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return entries;
}

}  // namespace

json parse_policy_value(const std::string& key, const std::string& text, const json& policy) {
  const auto type = type_of(key, policy);
  if (type == "integer") return number<std::int64_t>(text);
  if (type == "number") return number<double>(text);
  if (type == "boolean") return boolean(text);
  if (type == "array") return list(text);
  return text;
}

std::string policy_source(const VmInfo& vm, const std::string& key) {
  const auto overrides = vm.value("PolicyOverrides");
  if (overrides.is_object() && overrides.contains(key)) return "vm";
  const auto schema = policy_key_schema(key);
  const auto& policy = vm.value("Policy");
  if (!policy.contains(key)) return "not set";
  const bool is_built_in = schema.is_object() && schema.at("default") == policy.at(key);
  return is_built_in ? "built-in" : "configuration";
}

std::string policy_key_range(const std::string& key) {
  const auto schema = policy_key_schema(key);
  if (!schema.is_object()) return {};
  const auto type = type_in(schema);
  if (type == "boolean") return "true or false";
  if (schema.contains("minimum"))
    return policy_value_text(schema.at("minimum")) + " to " + policy_value_text(schema.at("maximum"));
  std::string values;
  for (const auto& value : policy_key_values(key)) values += (values.empty() ? "" : ", ") + value;
  if (type == "array") return values.empty() ? "a list of texts" : "a list of " + values;
  return values;
}

std::vector<std::string> policy_key_values(const std::string& key) {
  const auto schema = policy_key_schema(key);
  if (!schema.is_object()) return {};
  if (type_in(schema) == "boolean") return {"true", "false"};
  const auto& one = policy_key_is_list(key) ? schema.at("items") : schema;
  if (one.contains("enum")) return one.at("enum").get<std::vector<std::string>>();
  if (key == "start_ready") return {"started", "agent", "delay", "tcp:"};
  return {};
}

bool policy_key_is_list(const std::string& key) {
  const auto schema = policy_key_schema(key);
  return schema.is_object() && type_in(schema) == "array";
}

std::vector<std::string> policy_keys(const json& policy) {
  std::set<std::string> keys;
  for (const auto& [key, _] : policy.items()) keys.insert(key);
  for (const auto key : policy_key_names()) keys.emplace(key);
  return {keys.begin(), keys.end()};
}

}  // namespace virtsession::ctl
