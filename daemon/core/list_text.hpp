// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace virtsession {

/// "a, b, c"
inline std::string list_text(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

inline std::string in_quotes(const std::string& name) { return "\"" + name + "\""; }

}  // namespace virtsession
