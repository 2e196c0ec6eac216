// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtsession {

/// `text` as the markup of the Desktop Notifications Specification shows it literally: & < > " ' escaped. Any thread.
std::string escape_markup(std::string_view text);

/// At most `limit` bytes of `text` and then an ellipsis, cut between characters of UTF-8; all of it when it is no
/// longer than that. Any thread.
std::string shortened(std::string_view text, std::size_t limit);

/// `text` as valid_utf8() has it, without NUL. Any thread.
std::string displayable(std::string text);

}  // namespace virtsession
