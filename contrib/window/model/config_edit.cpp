// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config_edit.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace virtsession::window {
namespace {

using nlohmann::json;

json parsed(std::string_view text) { return json::parse(text, nullptr, false, /*ignore_comments=*/true); }

/// The end of a comment or a text that begins here, or `at` when none does.
std::size_t skipped(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  if (rest.starts_with("//")) return std::min(text.find('\n', at), text.size());
  if (rest.starts_with("/*")) {
    const auto end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  if (!rest.starts_with('"')) return at;
  for (auto i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return text.size();
}

struct Place {
  std::size_t begin = 0, end = 0;
};

/// Where the word of a flag stands: the value of a key of the outermost object. The text is valid.
std::optional<Place> place_of(std::string_view text, std::string_view key) {
  const auto quoted = "\"" + std::string(key) + "\"";
  int depth = 0;
  bool after_key = false;
  for (std::size_t i = 0; i < text.size();) {
    if (const auto end = skipped(text, i); end != i) {
      if (text[i] == '"') after_key = depth == 1 && text.substr(i, end - i) == quoted;
      i = end;
      continue;
    }
    const char c = text[i];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (after_key && (c == 't' || c == 'f')) return Place{i, i + (c == 't' ? 4 : 5)};
    ++i;
  }
  return std::nullopt;
}

std::size_t opening_brace(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (const auto end = skipped(text, i); end != i)
      i = end;
    else if (text[i++] == '{')
      return i;
  }
  return text.size();
}

}  // namespace

std::optional<bool> config_flag(std::string_view text, std::string_view key) {
  const auto config = parsed(text);
  if (!config.is_object()) return std::nullopt;
  const auto found = config.find(key);
  return found != config.end() && found->is_boolean() ? std::optional(found->get<bool>()) : std::nullopt;
}

std::optional<std::string> with_config_flag(std::string_view text, std::string_view key, bool value) {
  const auto word = std::string(value ? "true" : "false");
  const auto entry = "\"" + std::string(key) + "\": " + word;
  if (text.find_first_not_of(" \t\n") == std::string_view::npos) return "{\n  " + entry + "\n}\n";
  const auto config = parsed(text);
  if (!config.is_object()) return std::nullopt;
  std::string result(text);
  if (config_flag(text, key)) {
    const auto place = place_of(text, key);
    if (!place) return std::nullopt;
    return result.replace(place->begin, place->end - place->begin, word);
  }
  if (config.contains(key)) return std::nullopt;
  return result.insert(opening_brace(text), "\n  " + entry + (config.empty() ? "\n" : ","));
}

std::optional<std::size_t> line_of(const std::string& text, const std::string& pointer) {
  std::size_t at = 0;
  bool found_one = false;
  for (std::size_t begin = 1; begin < pointer.size();) {
    const auto end = std::min(pointer.find('/', begin), pointer.size());
    const auto found = text.find('"' + pointer.substr(begin, end - begin) + '"', at);
    if (found != std::string::npos) {  // a place in a list has no name
      at = found;
      found_one = true;
    }
    begin = end + 1;
  }
  if (!found_one) return std::nullopt;
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

}  // namespace virtsession::window
