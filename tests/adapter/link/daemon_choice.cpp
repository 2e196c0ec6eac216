// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/daemon_choice.hpp"

#include "support/temporary_folder.hpp"
#include "unix_socket.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

using namespace virtsession;
using namespace virtsession::test;

TEST_CASE("which daemon is kept: the configured, the installed, the enabled, the built-in, the one that listens") {
  using enum LibvirtDaemonChoice;
  const DaemonFacts both{.libvirtd = {.installed = true}, .virtqemud = {.installed = true}, .built_in = "libvirtd"};
  CHECK(choose_daemon(automatic, both) == "libvirtd");
  auto facts = both;
  facts.built_in = "virtqemud";
  CHECK(choose_daemon(automatic, facts) == "virtqemud");
  facts.libvirtd.listens = true;
  CHECK(choose_daemon(automatic, facts) == "libvirtd");
  facts.virtqemud.listens = true;
  CHECK_MESSAGE(choose_daemon(automatic, facts) == "virtqemud", "the built-in one");
  facts.libvirtd.enabled = true;
  CHECK_MESSAGE(choose_daemon(automatic, facts) == "libvirtd", "the one that starts at login");
  facts.virtqemud.enabled = true;
  CHECK_MESSAGE(choose_daemon(automatic, facts) == "virtqemud", "of two that do, the built-in one");
  facts.virtqemud.listens = false;
  CHECK_MESSAGE(choose_daemon(automatic, facts) == "virtqemud", "whichever listens now by chance");
  facts.virtqemud.installed = false;
  CHECK_MESSAGE(choose_daemon(automatic, facts) == "libvirtd", "the other cannot be started");
  CHECK(choose_daemon(virtqemud, both) == "virtqemud");
  CHECK(choose_daemon(libvirtd, both) == "libvirtd");
}

TEST_CASE("a daemon that is asked for and not installed is a problem of the configuration, with its name") {
  using enum LibvirtDaemonChoice;
  const DaemonFacts facts{.libvirtd = {.installed = true}, .virtqemud = {}, .built_in = "libvirtd"};
  CHECK_FALSE(daemon_problem(automatic, facts));
  CHECK_FALSE(daemon_problem(libvirtd, facts));
  const auto problem = daemon_problem(virtqemud, facts);
  REQUIRE(problem);
  CHECK(problem->pointer == "/libvirt_daemon");
  CHECK(problem->text.find("virtqemud, which is not installed") != std::string::npos);
}

TEST_CASE("of two daemons whose sockets are enabled it is said which one serves") {
  DaemonFacts facts{.libvirtd = {.installed = true, .enabled = true}, .virtqemud = {.installed = true}, .built_in = ""};
  CHECK(choice_warning(facts, "libvirtd").empty());
  facts.virtqemud.enabled = true;
  CHECK(choice_warning(facts, "libvirtd").find("it is libvirtd, and virtsession-virtqemud.socket is stopped") !=
        std::string::npos);
  facts.virtqemud.installed = false;
  CHECK(choice_warning(facts, "libvirtd").empty());
}

TEST_CASE("a socket counts when somebody listens there, and not by its file") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "libvirt");
  const auto path = daemon_socket(folder.path(), "virtqemud");
  { const auto left = bind_socket(path, false); }
  REQUIRE(std::filesystem::exists(path));
  CHECK_FALSE(read_daemon_facts(folder.path(), folder.path()).virtqemud.listens);
  std::filesystem::remove(path);
  const auto listening = bind_socket(path, true);
  CHECK(read_daemon_facts(folder.path(), folder.path()).virtqemud.listens);
  CHECK_FALSE(read_daemon_facts(folder.path(), folder.path()).libvirtd.listens);
}

TEST_CASE("a socket's unit counts as enabled as systemctl leaves it, unless it is masked") {
  const TemporaryFolder folder;
  const std::filesystem::path units = folder / "systemd/user";
  std::filesystem::create_directories(units / "sockets.target.wants");
  const auto facts = [&] { return read_daemon_facts(folder / "run", folder.path()); };
  const bool before = facts().virtqemud.enabled;  // for everybody on this machine
  std::filesystem::create_symlink("/usr/lib/systemd/user/virtsession-virtqemud.socket",
                                  units / "sockets.target.wants/virtsession-virtqemud.socket");
  CHECK(facts().virtqemud.enabled);
  std::filesystem::create_symlink("/dev/null", units / "virtsession-virtqemud.socket");
  CHECK_FALSE(facts().virtqemud.enabled);
  CHECK_FALSE(before);
}
