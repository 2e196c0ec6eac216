// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/daemon_choice.hpp"

#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace virtsession;
using namespace virtsession::test;

TEST_CASE("the daemon that is kept is the one that libvirt's clients reach") {
  using enum LibvirtDaemonChoice;
  const DaemonFacts both{.has_libvirtd = true, .has_virtqemud = true, .built_in = "libvirtd"};
  CHECK(choose_daemon(automatic, both) == "libvirtd");
  auto facts = both;
  facts.built_in = "virtqemud";
  CHECK(choose_daemon(automatic, facts) == "virtqemud");
  facts.libvirtd_socket = true;
  CHECK(choose_daemon(automatic, facts) == "libvirtd");
  facts.virtqemud_socket = true;
  CHECK_MESSAGE(choose_daemon(automatic, facts) == "virtqemud", "the client library looks for this one first");
  facts.has_virtqemud = false;
  CHECK_MESSAGE(choose_daemon(automatic, facts) == "libvirtd", "the other cannot be started");
  CHECK_MESSAGE(choose_daemon(virtqemud, facts) == "virtqemud", "what is asked for wins");
  CHECK(choose_daemon(libvirtd, both) == "libvirtd");
}

TEST_CASE("a socket counts by its file") {
  const TemporaryFolder folder;
  CHECK_FALSE(read_daemon_facts(folder.path()).virtqemud_socket);
  std::filesystem::create_directories(folder / "libvirt");
  std::ofstream(folder / "libvirt/virtqemud-sock");
  CHECK(read_daemon_facts(folder.path()).virtqemud_socket);
  CHECK_FALSE(read_daemon_facts(folder.path()).libvirtd_socket);
}
