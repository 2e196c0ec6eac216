// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace virtsession::window {

/// A flag at the top of a configuration, which is JSON with comments. \return nothing when it is not set there, or the
/// text is no configuration
std::optional<bool> config_flag(std::string_view text, std::string_view key);

/// The same text with the flag set: everything else, comments too, stays as it was. \param text empty for a new file
/// \return nothing when the text is no configuration
std::optional<std::string> with_config_flag(std::string_view text, std::string_view key, bool value);

/// Where in a configuration's text a JSON pointer leads, from 1; nothing when that is not found.
std::optional<std::size_t> line_of(const std::string& text, const std::string& pointer);

}  // namespace virtsession::window
