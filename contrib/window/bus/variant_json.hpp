// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>
#include <nlohmann/json.hpp>

#include <string>

namespace virtsession::window {

/// A value of the API as JSON: a dictionary is an object, rows of a struct are objects whose members have the names
/// that the API's reference gives them under "Fields". \param property whose value it is
nlohmann::json json_of(GVariant* value, const std::string& property = {});

/// A policy's value for the bus; a floating reference. Null and objects are none: they are not sent.
GVariant* variant_of(const nlohmann::json& value);

}  // namespace virtsession::window
