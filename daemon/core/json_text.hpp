// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

enum class JsonComments { refuse, ignore };

/// Parses a JSON text strictly: one value, no duplicate keys, at most 32 levels deep.
/// \return the value, or `invalid_config` with "line L, column C: what is wrong"
Result<nlohmann::json> parse_json(std::string_view text, JsonComments comments);

/// A key as a part of a JSON pointer (RFC 6901): "/a~1b".
std::string json_pointer_part(std::string_view key);

/// JSON's name of a value's type: "a number", "a list" ..., for messages.
std::string_view json_type_name(const nlohmann::json& value);

/// \return the candidate that is most like `word`, when it is like it enough to be what was meant; else empty
std::string closest_match(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace virtsession
