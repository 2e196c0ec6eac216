// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/variant.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

using nlohmann::json;

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
