// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace virtsession::texts {

/// For comparison only: letters in one case, by the locale of the process. What is no text in its encoding is taken
/// byte by byte.
std::wstring folded(std::string_view text);

/// "web  server" -> {"web", "server"}
std::vector<std::string> words_of(std::string_view text);

}  // namespace virtsession::texts
