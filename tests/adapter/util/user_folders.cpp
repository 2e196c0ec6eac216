// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/user_folders.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

using namespace virtsession;

TEST_CASE("folders are those of the environment, else those below the home folder") {
  const auto usual = user_folders({}, "/home/ann");
  CHECK(usual.config == "/home/ann/.config");
  CHECK(usual.data == "/home/ann/.local/share");
  CHECK(usual.cache == "/home/ann/.cache");
  CHECK(usual.state == "/home/ann/.local/state");
  CHECK(user_folders({{"HOME", "/home/ann/"}, {"XDG_CONFIG_HOME", ""}}, "/elsewhere") == usual);
  CHECK(user_folders({{"XDG_CONFIG_HOME", "/home/ann/x/../.config/"}}, "/home/ann") == usual);
}

TEST_CASE("what differs is named by its variable, with both values") {
  const auto usual = user_folders({}, "/home/ann");
  CHECK(folder_difference(usual, usual).empty());
  auto other = user_folders({{"XDG_CONFIG_HOME", "/data"}, {"XDG_STATE_HOME", "/state"}}, "/home/ann");
  CHECK(folder_difference(other, usual) ==
        "XDG_CONFIG_HOME is /data, not /home/ann/.config, XDG_STATE_HOME is /state, not /home/ann/.local/state");
}

TEST_CASE("the folders of a process are by the environment that it was started with") {
  REQUIRE(folders_of(getpid()));
  CHECK_FALSE(folders_of(0x7ffffff0));
}
