// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtsession {

/// One character of a text in UTF-8.
struct Character {
  char32_t code = 0xfffd;  ///< U+FFFD for a byte that begins none
  std::size_t length = 1;  ///< in bytes
};

/// The first character of a text that is not empty. Any thread.
Character first_character(std::string_view text);

/// Text that somebody else wrote (names, reasons, errors), fit for a terminal and for one line: control characters,
/// C1's too, and those that turn the direction of writing come out as "\n", "\x1b" or "\u202e", and what is no UTF-8 as
/// "?". Any thread.
std::string printable(std::string_view text);

}  // namespace virtsession
