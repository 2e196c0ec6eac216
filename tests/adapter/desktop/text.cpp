// SPDX-License-Identifier: LGPL-2.1-or-later
#include "desktop/text.hpp"

#include <doctest/doctest.h>

#include <string>

namespace virtsession {
namespace {

TEST_CASE("Markup in a text is shown, not obeyed") {
  CHECK(escape_markup("a<b>&\"c\"'d'") == "a&lt;b&gt;&amp;&quot;c&quot;&apos;d&apos;");
  CHECK(escape_markup("") == "");
  CHECK(escape_markup("Grüße") == "Grüße");
}

TEST_CASE("A long text is cut between characters") {
  CHECK(shortened("four", 4) == "four");
  CHECK(shortened("fours", 4) == "four\u2026");
  CHECK(shortened("a\u00fcb", 2) == "a\u2026");
  CHECK(shortened("a\u00fcb", 3) == "a\u00fc\u2026");
  CHECK(shortened("\U0001f600x", 3) == "\u2026");
}

TEST_CASE("Bytes that are no UTF-8 are replaced") {
  CHECK(displayable("plain \"text\" with \\ and \n") == "plain \"text\" with \\ and \n");
  CHECK(displayable("bad \xff byte") == "bad \ufffd byte");
  CHECK(displayable("cut \xc3") == "cut \ufffd");
  CHECK(displayable(std::string("a\0b", 3)) == "ab");
}

}  // namespace
}  // namespace virtsession
