// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "util/variant_map.hpp"

#include <nlohmann/json.hpp>
#include <sdbus-c++/Types.h>

namespace virtsession {

/// One value of a policy, from any integer type, d, b, s or as. \return `invalid_args` for any other type and for
/// infinity and not-a-number, which JSON does not have
Result<nlohmann::json> to_json(const sdbus::Variant& value);

/// A whole policy. \return `invalid_args`, naming the key, when to_json() refuses one
Result<nlohmann::json> to_json(const VariantMap& policy);

}  // namespace virtsession
