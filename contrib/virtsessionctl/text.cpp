// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text.hpp"

#include "core/json_text.hpp"

#include <fmt/format.h>
#include <wchar.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

namespace virtsession::ctl {
namespace {

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

std::string quote(std::string_view name) { return "\"" + printable(name) + "\""; }

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  const auto meant = closest_match(word, views);
  return meant.empty() ? "" : "; did you mean " + quote(meant) + "?";
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
