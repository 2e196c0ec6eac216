// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace virtsession {

/// The text as one word that a shell reads back: "web", "'my vm'". One with control characters should not be offered to
/// a shell.
std::string shell_word(std::string_view text);

}  // namespace virtsession
