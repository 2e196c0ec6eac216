// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/json_text.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <utility>

namespace virtsession {
namespace {

constexpr int kMaxDepth = 32;
constexpr std::size_t kLongestWord = 64;

std::string position(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, std::min(byte, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto last_newline = before.rfind('\n');
  const auto column = 1 + before.size() - (last_newline == std::string_view::npos ? 0 : last_newline + 1);
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// Walks over a text and leaves word of how far the parser has read: not all of its errors have a place.
struct Reader {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at;
  const char** furthest;

  reference operator*() const { return *at; }
  Reader& operator++() {
    *furthest = at++;
    return *this;
  }
  Reader operator++(int) {
    const auto before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Reader& other) const { return at == other.at; }
};

/// Thrown out of the parser's callback, which has no other way to stop it.
struct Refused {
  std::string text;
};

/// nlohmann keeps the last of two equal keys; a person who wrote both deserves to hear of it.
class StructureCheck {
 public:
  bool operator()(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxDepth) throw Refused{"nested more than " + std::to_string(kMaxDepth) + " levels deep"};
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) {
      const auto key = parsed.get<std::string>();
      if (!keys_.back().insert(key).second) throw Refused{"key \"" + key + "\" is there twice"};
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

/// The library's message without its own prefix: "[json.exception.parse_error.101] parse error at line 1, column 2:
/// ...".
std::string plain_message(std::string message) {
  for (const std::string_view mark : {"] ", "column "}) {
    const auto at = message.find(mark);
    if (at != std::string::npos) message.erase(0, at + mark.size());
  }
  const auto colon = message.find(": ");
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last, row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto substituted = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, JsonComments comments) {
  const auto* furthest = text.data();
  const auto refuse = [&](std::size_t byte, const std::string& what) {
    return Error{ErrorCode::invalid_config, position(text, byte) + ": " + what};
  };
  // The library takes it for the end of the text.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) return refuse(nul, "a NUL byte");
  try {
    StructureCheck check;
    return nlohmann::json::parse(Reader{text.data(), &furthest}, Reader{text.data() + text.size(), &furthest},
                                 std::ref(check), true, comments == JsonComments::ignore);
  } catch (const nlohmann::json::parse_error& failure) {
    return refuse(failure.byte > 0 ? failure.byte - 1 : 0, plain_message(failure.what()));
  } catch (const nlohmann::json::exception& failure) {
    return refuse(static_cast<std::size_t>(furthest - text.data()), plain_message(failure.what()));
  } catch (const Refused& refused) {
    return refuse(static_cast<std::size_t>(furthest - text.data()), refused.text);
  }
}

std::string json_pointer_part(std::string_view key) {
  return nlohmann::json::json_pointer().operator/=(std::string(key)).to_string();
}

std::string_view json_type_name(const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::null:
      return "null";
    case nlohmann::json::value_t::object:
      return "an object";
    case nlohmann::json::value_t::array:
      return "a list";
    case nlohmann::json::value_t::string:
      return "a string";
    case nlohmann::json::value_t::boolean:
      return "a boolean";
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
      return "an integer";
    case nlohmann::json::value_t::number_float:
      return "a number";
    case nlohmann::json::value_t::binary:
    case nlohmann::json::value_t::discarded:
      break;
  }
  return "no JSON value";
}

std::string closest_match(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string best;
  if (word.size() > kLongestWord) return best;
  std::size_t best_distance = kLongestWord;
  for (const auto candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    // Of three letters one may differ: who changes two has another word.
    const auto longest = std::max(word.size(), candidate.size());
    const auto allowed = std::min(longest / 3, std::max<std::size_t>(2, longest / 4));
    if (distance <= allowed && distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace virtsession
