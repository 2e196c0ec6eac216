// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text_search.hpp"

#include <algorithm>
#include <cwchar>
#include <cwctype>

namespace virtsession::texts {

std::wstring folded(std::string_view text) {
  const std::string bytes(text);
  std::wstring wide(bytes.size() + 1, L'\0');
  std::mbstate_t state{};
  const char* begin = bytes.c_str();
  const auto length = std::mbsrtowcs(wide.data(), &begin, wide.size(), &state);
  if (length == static_cast<std::size_t>(-1))
    wide.assign(bytes.begin(), bytes.end());
  else
    wide.resize(length);
  std::ranges::transform(wide, wide.begin(),
                         [](wchar_t c) { return static_cast<wchar_t>(std::towlower(static_cast<std::wint_t>(c))); });
  return wide;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const auto begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t\n"), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace virtsession::texts
