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

}  // namespace

// contrib/install.sh as a user without root runs it, in a host where nothing of this project is installed.
TEST_CASE("install.sh: after a logout and a login the marked guest runs, and through an upgrade and --uninstall") {
  Desktop desktop(Desktop::Bare{});
  desktop.host().put({VIRTSESSION_SOURCE_ARCHIVE}, "/home/alice/");
  desktop.host().login(kUser);
  show_compiler_cache(desktop);
  desktop.run({"sh", "-c", "mkdir ~/virtsession && tar -xf ~/source.tar -C ~/virtsession"});
  const RunOptions patient{.timeout = std::chrono::minutes(20)};
  const std::vector<std::string> install{"virtsession/contrib/install.sh", "--prefix", "/home/alice/.local"};
  const auto in_home = [&](std::vector<std::string> command) {
    command.insert(command.begin(),
                   {"env", "-C", "/home/alice", std::string("CCACHE_DIR=") + kCompilerCache, "CCACHE_READONLY=1",
                    "CCACHE_TEMPDIR=/tmp/ccache", "CCACHE_BASEDIR=/home/alice/virtsession", "CCACHE_NOHASHDIR=1",
                    "CCACHE_IGNOREOPTIONS=-Werror"});
    return output_of(desktop.host().user(kUser, command, patient), "install.sh");
  };
  const auto first = in_home(install);
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
  const auto again = in_home(install);
  CHECK(std::regex_search(again, std::regex("\na +running +yes ")));  // as virtsessionctl shows it
  CHECK(desktop.main_pid("virtsessiond.service") != daemon);
  CHECK(guest.qemu_pid() == pid);

  auto uninstall = install;
  uninstall.push_back("--uninstall");
  in_home(uninstall);
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
                                              patient);
  CHECK(alone.find("no systemd user manager of alice answers here") != std::string::npos);
  CHECK(alone.find("contrib/demo.sh") != std::string::npos);

  // Root, on the way to other users: it is installed, and not turned on.
  const auto by_root = desktop.host().must_exec(
      {"env", "-C", "/home/alice", "virtsession/contrib/install.sh", "--prefix", "/home/alice/.local"}, patient);
  CHECK(by_root.find("It is not turned on for root, who has no session libvirt") != std::string::npos);
  CHECK(by_root.find("systemctl") == std::string::npos);
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
