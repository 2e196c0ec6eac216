// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/options.hpp"

#include "dbus/errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace virtsession {

namespace {

constexpr double kLongestSeconds = 24 * 60 * 60;

std::string type_of(const sdbus::Variant& value) { return std::string(value.peekValueType()); }

/// \return the value as JSON when it is a number, which is never a boolean
std::optional<nlohmann::json> number(const sdbus::Variant& value) {
  const auto converted = to_json(value);
  if (!converted || !converted->is_number()) return std::nullopt;
  return std::optional<nlohmann::json>(std::in_place, *converted);  // JSON may hold an optional, too
}

}  // namespace

Options::Options(const VariantMap& values, std::initializer_list<std::string_view> known)
    : values_(values), known_(known) {
  for (const auto& [name, value] : values_)
    if (std::ranges::find(known_, name) == known_.end()) refuse(name, "is not known");
}

bool Options::boolean(std::string_view name, bool fallback) const {
  const sdbus::Variant* value = find(name);
  if (value == nullptr) return fallback;
  if (!value->containsValueOfType<bool>()) refuse(name, "must be of type b (boolean), not " + type_of(*value));
  return value->get<bool>();
}

std::uint32_t Options::count(std::string_view name, std::uint32_t fallback) const {
  const sdbus::Variant* value = find(name);
  if (value == nullptr) return fallback;
  const auto given = number(*value);
  if (!given || !given->is_number_integer()) refuse(name, "must be of type u (integer), not " + type_of(*value));
  const bool negative = !given->is_number_unsigned() && given->get<std::int64_t>() < 0;
  if (negative || given->get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
    refuse(name, "must be from 0 to " + std::to_string(std::numeric_limits<std::uint32_t>::max()));
  return given->get<std::uint32_t>();
}

std::optional<std::chrono::milliseconds> Options::seconds(std::string_view name) const {
  const sdbus::Variant* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto given = number(*value);
  if (!given && !value->containsValueOfType<double>())
    refuse(name, "must be of type d (double) or an integer, not " + type_of(*value));
  const double seconds = given ? given->get<double>() : 0;  // what is not finite is out of range
  if (seconds <= 0 || seconds > kLongestSeconds) refuse(name, "must be more than 0 and at most 86400 seconds");
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

std::optional<std::vector<std::string>> Options::strings(std::string_view name) const {
  const sdbus::Variant* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->containsValueOfType<std::vector<std::string>>())
    refuse(name, "must be of type as (a list of strings), not " + type_of(*value));
  auto list = value->get<std::vector<std::string>>();
  if (list.empty()) refuse(name, "must not be empty");
  return list;
}

const sdbus::Variant* Options::find(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? nullptr : &found->second;
}

void Options::refuse(std::string_view name, const std::string& why) const {
  throw to_dbus_error({ErrorCode::invalid_args, "option \"" + std::string(name) + "\" " + why + "; " + known_ones()});
}

std::string Options::known_ones() const {
  if (known_.empty()) return "no options are known here";
  std::string text = "known options: ";
  for (std::size_t i = 0; i < known_.size(); ++i) text.append(i == 0 ? "" : ", ").append(known_[i]);
  return text;
}

}  // namespace virtsession
