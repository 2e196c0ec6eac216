// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text.hpp"

#include <fmt/format.h>
#include <wchar.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

namespace virtsession::ctl {
namespace {

struct Character {
  char32_t code = 0xfffd;
  std::size_t length = 1;
};

/// The first character of a text that is not empty; a byte that begins none stands for itself as U+FFFD.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  char32_t code = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  return {code, length};
}

bool is_dangerous(char32_t code) {
  const auto within = [&](char32_t low, char32_t high) { return code >= low && code <= high; };
  return code < 0x20 || within(0x7f, 0x9f) || within(0x200e, 0x200f) || within(0x2028, 0x202e) ||
         within(0x2066, 0x2069) || code == 0xfffd;
}

std::string escaped(char32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  if (code == '\r') return "\\r";
  if (code == 0xfffd) return "?";
  return code < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(code))
                      : fmt::format("\\u{:04x}", static_cast<unsigned>(code));
}

std::size_t character_width(char32_t code) {
  const auto columns = wcwidth(static_cast<wchar_t>(code));
  return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

std::string two_units(std::int64_t count, std::int64_t per_big, std::string_view big, std::string_view small) {
  const auto whole = count / per_big, rest = count % per_big;
  return rest == 0 ? fmt::format("{} {}", whole, big) : fmt::format("{} {} {} {}", whole, big, rest, small);
}

std::string formatted(std::uint64_t usec, const char* format) {
  const auto seconds = static_cast<std::time_t>(usec / 1'000'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &local)};
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto [code, length] = first_character(text);
    if (is_dangerous(code))
      result += escaped(code);
    else
      result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return result;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto [code, length] = first_character(text);
    columns += character_width(code);
    text.remove_prefix(length);
  }
  return columns;
}

std::string cut_to_width(std::string_view text, std::size_t columns, std::string_view ellipsis) {
  if (display_width(text) <= columns) return std::string(text);
  const auto reserved = display_width(ellipsis);
  if (columns < reserved) return {};
  std::size_t used = 0, bytes = 0;
  while (bytes < text.size()) {
    const auto [code, length] = first_character(text.substr(bytes));
    const auto more = character_width(code);
    if (used + more + reserved > columns) break;
    used += more;
    bytes += length;
  }
  return std::string(text.substr(0, bytes)) + std::string(ellipsis);
}

std::string duration_text(std::chrono::microseconds duration) {
  const auto usec = std::max<std::int64_t>(duration.count(), 0);
  const auto seconds = usec / 1'000'000;
  if (seconds < 10) return fmt::format("{:.1f} s", static_cast<double>(usec) / 1e6);
  if (seconds < 120) return fmt::format("{} s", seconds);
  const auto minutes = seconds / 60;
  if (minutes < 60) return fmt::format("{} min", minutes);
  if (minutes < 48 * 60) return two_units(minutes, 60, "h", "min");
  return fmt::format("{} days", minutes / (24 * 60));
}

std::string time_text(std::uint64_t usec) {
  auto text = formatted(usec, "%Y-%m-%dT%H:%M:%S%z");
  text.insert(text.size() - 2, ":");
  return text;
}

std::string clock_text(std::uint64_t usec) { return formatted(usec, "%H:%M:%S"); }

std::uint64_t realtime_usec() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace virtsession::ctl
