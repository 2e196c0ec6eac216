// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/unit_name.hpp"

#include <fmt/format.h>

#include <charconv>

namespace virtsession {

std::string escape_for_unit(char character, bool is_first) {
  const bool is_plain = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
                        (character >= '0' && character <= '9') || character == ':' || character == '_' ||
                        (character == '.' && !is_first);
  if (is_plain) return {character};
  if (character == '/') return "-";
  return fmt::format("\\x{:02x}", static_cast<unsigned char>(character));
}

std::string escape_for_unit(std::string_view text) {
  std::string escaped;
  for (std::size_t at = 0; at < text.size(); ++at) escaped += escape_for_unit(text[at], at == 0);
  return escaped;
}

std::string unescape_from_unit(std::string_view escaped) {
  std::string text;
  for (std::size_t at = 0; at < escaped.size(); ++at) {
    unsigned char byte = 0;
    if (escaped.substr(at).starts_with("\\x") && at + 3 < escaped.size() &&
        std::from_chars(escaped.data() + at + 2, escaped.data() + at + 4, byte, 16).ptr == escaped.data() + at + 4) {
      text += static_cast<char>(byte);
      at += 3;
    } else {
      text += escaped[at] == '-' ? '/' : escaped[at];
    }
  }
  return text;
}

}  // namespace virtsession
