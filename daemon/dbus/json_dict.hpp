// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/shared_json.hpp"
#include "util/variant_map.hpp"

#include <nlohmann/json.hpp>
#include <sdbus-c++/Message.h>
#include <sdbus-c++/TypeTraits.h>

#include <utility>

namespace virtsession {

/// A JSON object that is a{sv} on D-Bus. It is written into a message, and read from one, as it is: as a map of
/// sdbus::Variant each value would be a message of its own, made and copied for each of some sixty values of each VM of
/// each GetManagedObjects.
class JsonDict {
 public:
  JsonDict() = default;
  explicit JsonDict(SharedJson value) : value_(std::move(value)) {}

  const nlohmann::json& operator*() const { return *value_; }

  /// A policy as D-Bus shows it: integers as i where they fit, else x, else t; other numbers d; b, s; lists of strings
  /// as. Null is left out, and what has none of these types is shown as its JSON text; what is no object is empty.
  friend sdbus::Message& operator<<(sdbus::Message& message, const JsonDict& dict);
  /// Whatever a property of this API may be: a dictionary is an object, a struct and an array are lists, what has a
  /// type that JSON does not have is null.
  friend sdbus::Message& operator>>(sdbus::Message& message, JsonDict& dict);

 private:
  SharedJson value_;
};

}  // namespace virtsession

template <>
struct sdbus::signature_of<virtsession::JsonDict> : sdbus::signature_of<virtsession::VariantMap> {};
