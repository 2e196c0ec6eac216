// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vm_info.hpp"

#include "core/domain.hpp"
#include "text.hpp"
#include "util/shell_word.hpp"

#include <fmt/format.h>
#include <fnmatch.h>
#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <vector>

namespace virtsession::ctl {
namespace {

using nlohmann::json;
using Texts = sdbus::Struct<std::string, std::string, std::string>;

json structs_to_json(const std::string& property, const std::vector<Texts>& rows) {
  using Names = std::array<const char*, 3>;
  const auto names = property == "Networks" ? Names{"type", "source", "mac"} : Names{"pointer", "text", "suggestion"};
  auto list = json::array();
  for (const auto& row : rows)
    list.push_back({{names[0], std::get<0>(row)}, {names[1], std::get<1>(row)}, {names[2], std::get<2>(row)}});
  return list;
}

json property_to_json(const std::string& name, const sdbus::Variant& value) {
  if (value.containsValueOfType<VariantMap>()) return properties_to_json(value.get<VariantMap>());
  if (value.containsValueOfType<std::vector<Texts>>()) return structs_to_json(name, value.get<std::vector<Texts>>());
  if (value.containsValueOfType<std::vector<VariantMap>>()) return rows_to_json(value.get<std::vector<VariantMap>>());
  using Counts = std::map<std::string, std::uint32_t>;
  if (value.containsValueOfType<Counts>()) return value.get<Counts>();
  if (value.containsValueOfType<sdbus::ObjectPath>()) return std::string(value.get<sdbus::ObjectPath>());
  auto plain = virtsession::to_json(value);
  return plain ? std::move(plain).value() : json();  // a type that only a later virtsessiond has
}

}  // namespace

std::string VmInfo::command_word() const {
  const auto word = name();
  return printable(word) == word && !word.starts_with('-') ? shell_word(word) : uuid();
}

bool VmInfo::is_meant_by(const std::string& pattern) const {
  return name() == pattern || uuid() == canonical_uuid(pattern) || fnmatch(pattern.c_str(), name().c_str(), 0) == 0;
}

bool is_selected(const VmInfo& vm, const std::vector<std::string>& patterns) {
  return patterns.empty() ||
         std::ranges::any_of(patterns, [&](const auto& pattern) { return vm.is_meant_by(pattern); });
}

json properties_to_json(const VariantMap& properties) {
  auto object = json::object();
  for (const auto& [name, value] : properties) object[name] = property_to_json(name, value);
  return object;
}

json rows_to_json(const std::vector<VariantMap>& rows) {
  auto list = json::array();
  for (const auto& row : rows) list.push_back(properties_to_json(row));
  return list;
}

std::string policy_value_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());  // 60, not 60.0
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const auto& entry : value)
    text += (text.empty() ? "" : ",") + (entry.is_string() ? entry.get<std::string>() : entry.dump());
  return text;
}

}  // namespace virtsession::ctl
