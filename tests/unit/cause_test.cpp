// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cause.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

TEST_CASE("cause: what one instance wrote, the next one reads") {
  for (const auto& row : kEnumText<CauseKind>.rows) {
    const auto kind = row.first;
    CAPTURE(row.second);
    const Cause cause{kind, kind == CauseKind::request ? "me over D-Bus (:1.42)" : ""};
    CHECK(cause_from_text(to_text(cause)) == cause);
  }
}

TEST_CASE("cause: people read who asked, and not that somebody did") {
  CHECK(to_text(asked_by("me over D-Bus (:1.42)")) == "me over D-Bus (:1.42)");
  CHECK(to_text(Cause{CauseKind::session_end}) == "the end of the session");
  CHECK(reason_text(asked_by("virtsessionctl")) == "asked for by virtsessionctl");
  CHECK(reason_text({CauseKind::session_end}) == "because of the end of the session");
}

TEST_CASE("cause: two callers are two causes") { CHECK_FALSE(asked_by("me") == asked_by("you")); }
