// SPDX-License-Identifier: LGPL-2.1-or-later
#include "desktop/text.hpp"

#include "core/utf8.hpp"

namespace virtsession {

std::string escape_markup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&apos;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

std::string shortened(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  const auto continues = [](char letter) { return (static_cast<unsigned char>(letter) & 0xc0) == 0x80; };
  while (limit > 0 && continues(text[limit])) --limit;
  return std::string(text.substr(0, limit)) + "\u2026";
}

std::string displayable(std::string text) {
  std::erase(text, '\0');
  return valid_utf8(text);
}

}  // namespace virtsession
