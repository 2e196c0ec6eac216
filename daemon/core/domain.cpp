// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/domain.hpp"

#include <algorithm>

namespace virtsession {

std::string canonical_uuid(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

}  // namespace virtsession
