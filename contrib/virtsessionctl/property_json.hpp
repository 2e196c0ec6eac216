// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/variant.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace virtsession::ctl {

/// Properties of an object of the API as JSON, under their D-Bus names. A dictionary is an object; a struct is an
/// object whose members have the names that the API's reference gives them under "Fields".
nlohmann::json properties_to_json(const VariantMap& properties);

/// A policy's value as a person writes it: "5", "true", "db, app". Empty for an empty list.
std::string policy_value_text(const nlohmann::json& value);

}  // namespace virtsession::ctl
