// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/unit_name.hpp"

#include <doctest/doctest.h>

#include <string>

namespace virtsession {

TEST_CASE("A text in a unit's name is as systemd-escape writes it, and is found again") {
  CHECK(escape_for_unit("web") == "web");
  CHECK(escape_for_unit("my-web site") == "my\\x2dweb\\x20site");
  CHECK(escape_for_unit(".a.b/c") == "\\x2ea.b-c");
  for (const std::string text : {"web", "my-web site", ".a.b/c", "\\x", "\xc3\xbc %"})
    CHECK(unescape_from_unit(escape_for_unit(text)) == text);
}

TEST_CASE("What is no escape sequence in a unit's name stays as it is") {
  for (const std::string text : {"a\\xzz", "a\\x4", "a\\", "\\y41"}) CHECK(unescape_from_unit(text) == text);
}

}  // namespace virtsession
