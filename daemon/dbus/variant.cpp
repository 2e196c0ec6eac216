// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/variant.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

using nlohmann::json;

sdbus::Variant integer_to_variant(const json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    return sdbus::Variant(value.get<std::uint64_t>());
  const auto number = value.get<std::int64_t>();
  const auto narrow = static_cast<std::int32_t>(number);
  return narrow == number ? sdbus::Variant(narrow) : sdbus::Variant(number);
}

bool is_list_of_strings(const json& value) {
  return value.is_array() && std::ranges::all_of(value, [](const json& element) { return element.is_string(); });
}

sdbus::Variant to_variant(const json& value) {
  if (value.is_boolean()) return sdbus::Variant(value.get<bool>());
  if (value.is_number_integer()) return integer_to_variant(value);
  if (value.is_number_float()) return sdbus::Variant(value.get<double>());
  if (value.is_string()) return sdbus::Variant(value.get_ref<const std::string&>());
  if (is_list_of_strings(value)) return sdbus::Variant(value.get<std::vector<std::string>>());
  return sdbus::Variant(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// \return the value as JSON when it is of type T
template <class T>
std::optional<json> if_of_type(const sdbus::Variant& value) {
  if (!value.containsValueOfType<T>()) return std::nullopt;
  return std::optional<json>(std::in_place, value.get<T>());  // JSON may hold an optional, too
}

template <class... Types>
std::optional<json> if_of_one_type(const sdbus::Variant& value) {
  std::optional<json> found;
  static_cast<void>(((found = if_of_type<Types>(value)).has_value() || ...));
  return found;
}

}  // namespace

VariantMap to_variants(const json& policy) {
  VariantMap variants;
  if (!policy.is_object()) return variants;
  for (const auto& [key, value] : policy.items())
    if (!value.is_null()) variants.emplace(key, to_variant(value));
  return variants;
}

Result<json> to_json(const sdbus::Variant& value) {
  auto found = if_of_one_type<bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, std::int16_t,
                              std::uint16_t, std::uint8_t, double, std::string, std::vector<std::string>>(value);
  if (!found)
    return Error{ErrorCode::invalid_args, "type " + std::string(value.peekValueType()) +
                                              " is none of an integer, d (double), b (boolean), s (string) and as"};
  if (found->is_number_float() && !std::isfinite(found->get<double>()))
    return Error{ErrorCode::invalid_args, "a number must be finite"};
  return *std::move(found);
}

Result<json> to_json(const VariantMap& policy) {
  json object = json::object();
  for (const auto& [key, variant] : policy) {
    auto value = to_json(variant);
    if (!value) return Error{value.error().code, "policy key \"" + key + "\": " + value.error().message};
    object[key] = std::move(value).value();
  }
  return object;
}

}  // namespace virtsession
