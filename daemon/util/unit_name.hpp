// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace virtsession {

// Texts in names of units, as systemd-escape(1) writes them: "/" is "-", and what has no place there is "\x2d".

/// \param is_first of the text: a dot there is escaped
std::string escape_for_unit(char character, bool is_first);
std::string escape_for_unit(std::string_view text);
/// The text again; what is no escape sequence stays as it is.
std::string unescape_from_unit(std::string_view escaped);

}  // namespace virtsession
