// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace virtsession {

namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

bool allowed(std::uint32_t character) {
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  const bool noncharacter = (character >= 0xfdd0 && character <= 0xfdef) || (character & 0xfffe) == 0xfffe;
  return character != 0 && character <= 0x10ffff && !surrogate && !noncharacter;
}

/// \return the length of the character that `text` begins with, or 0 when a D-Bus string may not hold it
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  std::uint32_t character = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    character = character << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  return character >= kSmallest[length] && allowed(character) ? length : 0;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    valid += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

}  // namespace virtsession
