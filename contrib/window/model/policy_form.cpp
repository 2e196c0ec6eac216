// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_form.hpp"

#include "policy_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace virtsession::window {
namespace {

using nlohmann::json;

std::vector<std::string> texts_of(const json& list) {
  std::vector<std::string> texts;
  for (const auto& entry : list)
    if (entry.is_string()) texts.push_back(entry.get<std::string>());
  return texts;
}

bool has_type(const json& schema, const char* type) {
  const auto types = schema.value("type", json());
  return types == type || (types.is_array() && std::ranges::find(types, json(type)) != types.end());
}

FieldKind kind_of(const json& schema) {
  if (has_type(schema, "boolean")) return FieldKind::toggle;
  if (has_type(schema, "integer")) return FieldKind::integer;
  if (has_type(schema, "number")) return FieldKind::number;
  if (has_type(schema, "array"))
    return schema.value("items", json::object()).contains("enum") ? FieldKind::order : FieldKind::list;
  return schema.contains("enum") ? FieldKind::choice : FieldKind::text;
}

Field field_of(const std::string& key, const json& schema) {
  Field field;
  field.key = key;
  field.title = key_title(key);
  field.description = schema.value("description", "");
  field.kind = kind_of(schema);
  field.choices =
      texts_of(field.kind == FieldKind::order ? schema["items"]["enum"] : schema.value("enum", json::array()));
  field.minimum = schema.value("minimum", -1e9);
  field.maximum = schema.value("maximum", 1e9);
  field.may_be_unset = has_type(schema, "null");
  field.built_in = schema.value("default", json());
  return field;
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

json list_value(const std::string& text) {
  auto list = json::array();
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(',', begin), text.size());
    if (const auto part = trimmed(text.substr(begin, end - begin)); !part.empty()) list.push_back(part);
    begin = end + 1;
  }
  return list;
}

template <class Number>
std::optional<json> number_value(const std::string& text) {
  Number number{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return json(number);
}

}  // namespace

std::vector<FieldGroup> policy_form(const std::string& schema) {
  // Keys in the order of the schema, which puts those that belong together beside each other.
  const auto all = nlohmann::ordered_json::parse(schema, nullptr, false);
  if (!all.is_object()) return {};
  const auto keys =
      all.value(nlohmann::ordered_json::json_pointer("/$defs/policy/properties"), nlohmann::ordered_json());
  std::vector<FieldGroup> groups;
  for (const auto& [key, value] : keys.items()) {
    const auto title = group_title(key);
    auto group = std::ranges::find(groups, title, &FieldGroup::title);
    if (group == groups.end()) group = groups.insert(groups.end(), {title, {}});
    group->fields.push_back(field_of(key, json::parse(value.dump())));
  }
  return groups;
}

FieldState state_of(const Field& field, const VmInfo& vm) {
  const auto& policy = vm.value("Policy");
  const auto& own = vm.value("PolicyOverrides");
  // What is null is not on the bus.
  const auto value = policy.is_object() ? policy.value(field.key, json()) : field.built_in;
  if (own.is_object() && own.contains(field.key)) return {value, Source::machine};
  const bool same = value == field.built_in || (value.is_number() && field.built_in.is_number() &&
                                                value.get<double>() == field.built_in.get<double>());
  return {value, same ? Source::built_in : Source::configuration};
}

std::string value_text(const json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const auto& entry : value) text += (text.empty() ? "" : ", ") + value_text(entry);
  return text;
}

std::optional<json> parse_value(const Field& field, const std::string& text) {
  const auto word = trimmed(text);
  if (field.may_be_unset && word.empty()) return json();
  switch (field.kind) {
    case FieldKind::integer:
      return number_value<std::int64_t>(word);
    case FieldKind::number:
      return number_value<double>(word);
    case FieldKind::list:
    case FieldKind::order:
      return list_value(word);
    case FieldKind::toggle:
      return json(word == "true");
    case FieldKind::choice:
    case FieldKind::text:
      return json(word);
  }
  return std::nullopt;
}

}  // namespace virtsession::window
