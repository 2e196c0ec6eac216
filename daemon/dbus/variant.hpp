// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "util/variant_map.hpp"

#include <nlohmann/json.hpp>
#include <sdbus-c++/Types.h>

namespace virtsession {

/// A policy as D-Bus shows it: integers as i where they fit, else x, else t; other numbers d; b, s; lists of strings
/// as. Never throws for what a policy holds: null is left out, and what has none of these types is shown as its JSON
/// text.
VariantMap to_variants(const nlohmann::json& policy);

/// One value of a policy, from any integer type, d, b, s or as. \return `invalid_args` for any other type and for
/// infinity and not-a-number, which JSON does not have
Result<nlohmann::json> to_json(const sdbus::Variant& value);

/// A whole policy. \return `invalid_args`, naming the key, when to_json() refuses one
Result<nlohmann::json> to_json(const VariantMap& policy);

}  // namespace virtsession
