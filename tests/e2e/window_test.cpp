// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/system_side.hpp"

#include <doctest/doctest.h>

using namespace virtsession;
using namespace virtsession::test;

// The window itself, and not one that was built for these tests: where GTK is not, there is none.
TEST_CASE("window: a newcomer moves a VM here, marks it, starts it, and reads why it crashed, without a terminal") {
  Desktop desktop;
  if (!desktop.host()
           .exec({"sh", "-c", "command -v Xvfb && python3 -c 'import gi; gi.require_version(\"Atspi\", \"2.0\")'"})
           .succeeded() ||
      std::string(VIRTSESSION_WINDOW).empty()) {
    MESSAGE("there is no desktop here");
    return;
  }
  SystemSide system(desktop);
  system.allow_user();
  system.make_vm(false);
  desktop.login();
  auto& host = desktop.host();
  const std::string tests(VIRTSESSION_TESTS);
  host.must_exec({"mkdir", "-p", "/srv/window"});
  for (const char* file : {"desk.py", "session_desk.py", "newcomer.py"})
    host.put({tests + "/window/" + file}, "/srv/window/");
  host.put({VIRTSESSION_WINDOW}, "/srv/window/");
  host.put({tests + "/../contrib/window/data/icons"}, "/srv/window/");
  const auto result =
      host.user(kUser, {"/srv/window/newcomer.py", "/srv/window/virtsession-window", "/srv/window/icons"},
                {.timeout = std::chrono::minutes(6)});
  INFO(result.out, result.err);
  CHECK(result.succeeded());
  CHECK(has(result.out, "all done"));
  CHECK(system.where() == "session marked");
}
