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

/// Structs are lists until here.
json with_names(const json& rows, const std::array<const char*, 3>& names) {
  auto list = json::array();
  for (const auto& row : rows)
    if (row.size() == names.size()) list.push_back({{names[0], row[0]}, {names[1], row[1]}, {names[2], row[2]}});
  return list;
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

json properties_to_json(const JsonDict& properties) {
  auto object = *properties;
  for (const auto* const name : {"PolicyProblems", "ConfigProblems"})
    if (const auto rows = object.find(name); rows != object.end())
      *rows = with_names(*rows, {"pointer", "text", "suggestion"});
  if (const auto rows = object.find("Networks"); rows != object.end())
    *rows = with_names(*rows, {"type", "source", "mac"});
  return object;
}

json rows_to_json(const std::vector<JsonDict>& rows) {
  auto list = json::array();
  for (const auto& row : rows) list.push_back(*row);
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
