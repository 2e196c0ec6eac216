// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/json_dict.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession::ctl {

/// An object's properties when they were read, by their D-Bus names. What an older virtsessiond does not have is empty.
class Properties {
 public:
  Properties() : values_(nlohmann::json::object()) {}
  explicit Properties(nlohmann::json values) : values_(std::move(values)) {}

  const nlohmann::json& json() const { return values_; }
  bool has(std::string_view name) const { return values_.contains(name); }
  std::string text(std::string_view name) const { return get<std::string>(name, &nlohmann::json::is_string); }
  bool flag(std::string_view name) const { return get<bool>(name, &nlohmann::json::is_boolean); }
  std::uint64_t number(std::string_view name) const {
    return get<std::uint64_t>(name, &nlohmann::json::is_number_integer);
  }
  /// An object or a list; null when it is not there.
  const nlohmann::json& value(std::string_view name) const {
    static const nlohmann::json nothing;
    const auto found = values_.find(name);
    return found == values_.end() ? nothing : *found;
  }
  /// Takes over what a PropertiesChanged says.
  void update(const nlohmann::json& changed) { values_.update(changed); }

 private:
  template <class T>
  T get(std::string_view name, bool (nlohmann::json::*is_type)() const noexcept) const {
    const auto found = values_.find(name);
    return found != values_.end() && ((*found).*is_type)() ? found->template get<T>() : T{};
  }

  nlohmann::json values_;
};

/// One VM as the API showed it.
struct VmInfo : Properties {
  VmInfo() = default;
  VmInfo(std::string at, nlohmann::json values) : Properties(std::move(values)), path(std::move(at)) {}

  std::string name() const { return text("Name"); }
  std::string uuid() const { return text("Uuid"); }
  std::string state() const { return text("State"); }
  std::string phase() const { return text("Phase"); }
  std::string reason() const { return text("PhaseReason"); }
  /// Of a save that is under way: per cent, when it is known.
  std::optional<unsigned> progress() const {
    const auto& percent = value("Progress");
    if (!percent.is_number_integer() || percent.get<int>() < 0) return std::nullopt;
    return std::min(percent.get<unsigned>(), 100U);
  }
  bool is_active() const {
    const auto now = state();
    return now != "shut-off" && now != "unknown" && now != "no-state";
  }

  /// How it is named in a command that a person copies: by name, or by uuid when the name is too odd for that.
  std::string command_word() const;
  /// Whether somebody who wrote `pattern` means it: by its name, its uuid, or with *, ? and [...].
  bool is_meant_by(const std::string& pattern) const;

  std::string path;
};

/// Whether one of the patterns means the VM; without patterns all are meant.
bool is_selected(const VmInfo& vm, const std::vector<std::string>& patterns);

/// Properties of an object of the API as JSON, under their D-Bus names. A dictionary is an object; a struct is an
/// object whose members have the names that the API's reference gives them under "Fields".
nlohmann::json properties_to_json(const JsonDict& properties);

/// A list of dictionaries, as Forwards and Addresses are.
nlohmann::json rows_to_json(const std::vector<JsonDict>& rows);

/// A policy's value as a person writes it: "5", "true", "db, app". Empty for an empty list.
std::string policy_value_text(const nlohmann::json& value);

}  // namespace virtsession::ctl
