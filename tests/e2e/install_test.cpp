// SPDX-License-Identifier: LGPL-2.1-or-later
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <regex>

using namespace virtsession;
using namespace virtsession::test;

namespace {

constexpr const char* kCompilerCache = "/srv/ccache";

/// Shows the compiler cache of whoever builds these tests to the host, to read: it is the script that is tested, and
/// not the compiler once more. Where there is none the compiler runs.
void show_compiler_cache(Desktop& desktop) {
  const auto folder = run({"ccache", "--get-config", "cache_dir"});
  if (!folder.succeeded()) return;
  desktop.host().must_exec({"sh", "-c", "mkdir \"$2\" && { ! [ -d \"$1\" ] || mount --bind \"$1\" \"$2\"; }", "sh",
                            folder.out.substr(0, folder.out.find('\n')), kCompilerCache});
}

const RunOptions kPatient{.timeout = std::chrono::minutes(20)};

/// The user logs in and has the source tree in the folder virtsession.
void unpack_source(Desktop& desktop) {
  desktop.host().put({VIRTSESSION_SOURCE_ARCHIVE}, "/home/alice/");
  desktop.host().login(kUser);
  show_compiler_cache(desktop);
  desktop.run({"sh", "-c", "mkdir ~/virtsession && tar -xf ~/source.tar -C ~/virtsession"});
}

/// Runs install.sh as the user, for the home folder. \return what it said
std::string install(Desktop& desktop, const std::vector<std::string>& options = {}) {
  std::vector<std::string> command{"env",
                                   "-C",
                                   "/home/alice",
                                   std::string("CCACHE_DIR=") + kCompilerCache,
                                   "CCACHE_READONLY=1",
                                   "CCACHE_TEMPDIR=/tmp/ccache",
                                   "CCACHE_BASEDIR=/home/alice/virtsession",
                                   "CCACHE_NOHASHDIR=1",
                                   "CCACHE_IGNOREOPTIONS=-Werror",
                                   "virtsession/contrib/install.sh",
                                   "--prefix",
                                   "/home/alice/.local"};
  command.insert(command.end(), options.begin(), options.end());
  return output_of(desktop.host().user(kUser, command, kPatient), "install.sh");
}

}  // namespace

// contrib/install.sh as a user without root runs it, in a host where nothing of this project is installed.
TEST_CASE("install.sh: after a logout and a login the marked guest runs, and through an upgrade and --uninstall") {
  Desktop desktop(Desktop::Bare{});
  unpack_source(desktop);
  const auto first = install(desktop);
  CHECK(first.find("active (running)") != std::string::npos);
  CHECK(first.find("There is no virtual machine of yours yet") != std::string::npos);
  desktop.wait_ready();
  const auto guest = desktop.define({.name = "a"});
  guest.set_autostart(true);
  desktop.logout();

  desktop.host().login(kUser);
  desktop.wait_ready();
  guest.wait_ready();
  desktop.wait_for("a", "Phase", "running");

  const auto pid = guest.qemu_pid();
  const auto daemon = desktop.main_pid("virtsessiond.service");
  const auto again = install(desktop);
  CHECK(std::regex_search(again, std::regex("\na +running +yes ")));  // as virtsessionctl shows it
  CHECK(desktop.main_pid("virtsessiond.service") != daemon);
  CHECK(guest.qemu_pid() == pid);

  install(desktop, {"--uninstall"});
  CHECK(desktop.run({"sh", "-c",
                     "find ~/.local ~/.config/systemd -name '*virtsession*' -not -path '*/state/*'; "
                     "find ~/.local -type d -empty -not -path '*/state/*'"}) == "");
  CHECK(guest.qemu_pid() == pid);
  CHECK(guest.state() == "running");
  guest.destroy();
  // They are the first client's again, and would keep its session open until they have been idle for two minutes.
  desktop.run({"pkill", kLibvirtDaemon + "|virtlogd"});
  desktop.logout();

  // Nobody is logged in: it is installed, and told why it does not run.
  const auto alone = desktop.host().must_exec({"runuser", "-u", kUser, "--", "env", "-C", "/home/alice",
                                               "virtsession/contrib/install.sh", "--prefix", "/home/alice/.local"},
                                              kPatient);
  CHECK(alone.find("no systemd user manager of alice answers here") != std::string::npos);
  CHECK(alone.find("contrib/demo.sh") != std::string::npos);

  // Root, on the way to other users: it is installed, and not turned on.
  const auto by_root = desktop.host().must_exec(
      {"env", "-C", "/home/alice", "virtsession/contrib/install.sh", "--prefix", "/home/alice/.local"}, kPatient);
  CHECK(by_root.find("It is not turned on for root, who has no session libvirt") != std::string::npos);
  CHECK(by_root.find("systemctl") == std::string::npos);
}

TEST_CASE(
    "install.sh: --desktop takes the window and the search along, also in upgrades, and --no-desktop removes them") {
  Desktop desktop(Desktop::Bare{});
  unpack_source(desktop);
  const auto desktop_files = [&] {
    return desktop.run(
        {"sh", "-c",
         "cd ~/.local && ls bin/virtsession-window share/applications/*.desktop "
         "share/dbus-1/services/org.virtsession.Window.service share/dbus-1/services/org.virtsession.Search.service "
         "share/gnome-shell/search-providers/* 2>/dev/null "
         "|| true"});
  };
  CHECK(install(desktop, {"--desktop", "--no-start"}).find("Or open") == std::string::npos);
  const auto files = desktop_files();
  for (const auto* const name :
       {"bin/virtsession-window", "org.virtsession.Window.desktop", "org.virtsession.Window.service",
        "org.virtsession.Search.service", "search-providers/"})
    CHECK_MESSAGE(files.find(name) != std::string::npos, name << " in " << files);
  desktop.run({"desktop-file-validate", "/home/alice/.local/share/applications/org.virtsession.Window.desktop"});

  // What the bus starts is there.
  desktop.run({"sh", "-c",
               "test -x \"$(sed -n 's/^Exec=\\([^ ]*\\).*/\\1/p' "
               "~/.local/share/dbus-1/services/org.virtsession.Window.service)\""});
  CHECK(install(desktop).find("Or open \"Virtual Machines\" on your desktop.") != std::string::npos);
  CHECK(desktop_files() == files);

  install(desktop, {"--no-desktop", "--no-start"});
  CHECK(desktop_files() == "");
  CHECK(desktop.run({"/home/alice/.local/bin/virtsessionctl", "--version"}).find("virtsessionctl") !=
        std::string::npos);
  install(desktop, {"--uninstall"});
  CHECK(desktop.run({"sh", "-c", "find ~/.local -name '*virtsession*' -not -path '*/state/*' 2>/dev/null || true"}) ==
        "");
}

TEST_CASE("install.sh: mistakes are told, and nothing is done") {
  Desktop desktop(Desktop::Bare{});
  desktop.host().put({VIRTSESSION_SOURCE_ARCHIVE}, "/root/");
  desktop.host().must_exec({"sh", "-c", "mkdir /root/virtsession && tar -xf /root/source.tar -C /root/virtsession"});
  auto result = desktop.host().exec({"/root/virtsession/contrib/install.sh", "--prefx", "/usr"});
  CHECK(result.status == 64);
  CHECK(result.err.find("unknown option '--prefx'") != std::string::npos);
  result = desktop.host().exec({"/root/virtsession/contrib/install.sh", "--prefix", "usr"});
  CHECK(result.status == 64);
  CHECK(result.err.find("absolute path") != std::string::npos);
  result = desktop.host().exec({"/root/virtsession/contrib/install.sh", "--uninstall"});
  CHECK(result.status == 1);
  CHECK(result.err.find("nothing of this tree is installed") != std::string::npos);
}
