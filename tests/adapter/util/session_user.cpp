// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/session_user.hpp"

#include <doctest/doctest.h>

using namespace virtsession;

TEST_CASE("who has a session libvirt: people, and neither root nor system users, greeters, dynamic users and nobody") {
  for (const uid_t person : {1000U, 1001U, 60001U, 60513U, 100000U, 1234567890U})
    CHECK_FALSE(why_no_session(person, "alice").has_value());
  CHECK(why_no_session(0, "root")->starts_with("root has no session libvirt"));
  for (const uid_t nobody : {1U, 112U, 999U, 60578U, 61184U, 65519U, 65534U})
    CHECK(why_no_session(nobody, "gdm") ==
          "gdm is a system user (uid " + std::to_string(nobody) + "), and virtsession is for people who log in");
}
