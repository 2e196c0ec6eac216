// SPDX-License-Identifier: LGPL-2.1-or-later
// The Debian package in throwaway hosts, by dpkg as an administrator would: VIRTSESSION_PACKAGES is a folder with two
// of its revisions, -1 and -2 (tests/run.sh package).
#include "e2e/desktop.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <stdexcept>

using namespace virtsession;
using namespace virtsession::test;

namespace {

constexpr const char* kRefusesAll = "#!/bin/sh\nexit 101\n";

/// A host without virtsession, but with what it depends on.
class PackageHost {
 public:
  PackageHost() {
    // Some systems forbid maintainer scripts to restart anything, in containers for example.
    desktop.host().must_exec({"rm", "-f", "/usr/sbin/policy-rc.d"});
    files_before_ = files();
  }

  void install(const std::string& revision, const std::vector<std::string>& names = {"virtsession"}) {
    std::vector<std::string> words{"--install"};
    for (const auto& name : names) {
      words.push_back("/root/" + name + ".deb");
      desktop.host().put({package(name, revision)}, words.back());
    }
    dpkg(words);
    words.front() = "rm";
    desktop.host().must_exec(words);
  }
  std::string dpkg(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"env", "DEBIAN_FRONTEND=noninteractive", "dpkg"});
    return desktop.host().must_exec(arguments, {.timeout = std::chrono::minutes(5)});
  }
  bool is_active(const std::string& user) {
    return desktop.host().user(user, {"systemctl", "--user", "is-active", "virtsessiond"}).succeeded();
  }
  /// What is there now and was not before, or the other way round.
  std::string left_behind() {
    const auto now = files();
    std::string text;
    for (const auto& line : now)
      if (!files_before_.contains(line)) text += "+ " + line + "\n";
    for (const auto& line : files_before_)
      if (!now.contains(line)) text += "- " + line + "\n";
    return text;
  }

  Desktop desktop{Desktop::Bare{}};

 private:
  static std::filesystem::path package(const std::string& name, const std::string& revision) {
    const char* folder = std::getenv("VIRTSESSION_PACKAGES");
    if (!folder) throw std::runtime_error("VIRTSESSION_PACKAGES is not set");
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const auto file = entry.path().filename().string();
      if (file.starts_with(name + "_") && file.find("-" + revision + "_") != std::string::npos) return entry.path();
    }
    throw std::runtime_error("no package " + name + " of revision " + revision + " in " + folder);
  }
  /// Where packages may leave something: everything with its kind, mode and target, but for what is dpkg's own.
  std::set<std::string> files() {
    const auto list = desktop.host().must_exec({"find", "/etc", "/usr", "/opt", "/var/lib", "-xdev", "-path",
                                                "/var/lib/dpkg", "-prune", "-o", "-printf", "%p %y %m %l\n"},
                                               {.timeout = std::chrono::minutes(5)});
    std::set<std::string> lines;
    std::istringstream stream(list);
    for (std::string line; std::getline(stream, line);) lines.insert(line);
    return lines;
  }

  std::set<std::string> files_before_;
};

}  // namespace

TEST_CASE("package: turned on by its user; an upgrade and the removal leave VMs alone; nothing stays behind") {
  PackageHost package;
  auto& desktop = package.desktop;
  desktop.host().add_user("bob");
  desktop.host().login(kUser);
  package.install("1");
  CHECK(desktop.run({"sh", "-c", "systemctl --user is-enabled virtsessiond || true"}) == "disabled");
  CHECK(!package.is_active(kUser));
  desktop.run({"systemctl", "--user", "enable", "--now", "virtsessiond"});
  desktop.wait_ready();
  auto guest = desktop.define({.name = "a"});
  guest.set_autostart(true);
  desktop.logout();

  desktop.host().login(kUser);
  desktop.host().login("bob");
  desktop.wait_ready();
  guest.wait_ready();
  desktop.wait_for("a", "Phase", "running");
  const auto qemu = guest.qemu_pid();
  const auto libvirt = desktop.main_pid(kLibvirtUnit);
  auto daemon = desktop.main_pid("virtsessiond.service");

  package.install("2");
  CHECK(desktop.main_pid("virtsessiond.service") != daemon);
  desktop.wait_ready();
  desktop.wait_for("a", "Phase", "running");
  CHECK(guest.qemu_pid() == qemu);
  CHECK(desktop.main_pid(kLibvirtUnit) == libvirt);
  // Who did not have it running does not have it now.
  CHECK(!package.is_active("bob"));

  daemon = desktop.main_pid("virtsessiond.service");
  package.dpkg({"--remove", "virtsession"});
  CHECK(desktop.main_pid("virtsessiond.service") == daemon);
  CHECK(guest.qemu_pid() == qemu);
  CHECK(desktop.manager_text("LibvirtState") == "ready");
  desktop.logout();
  CHECK(guest.count_on_console(kPowerDown) == 1);

  // As if it had never been there: virsh starts a daemon of its own, and that the marked VM.
  desktop.host().login(kUser);
  guest.wait_for_state("running", kLong);
  CHECK(!package.is_active(kUser));
  guest.destroy();
  package.dpkg({"--purge", "virtsession"});
  CHECK(package.left_behind() == "");
}

TEST_CASE("package: turned on for all by an administrator, and off by its purge") {
  PackageHost package;
  auto& desktop = package.desktop;
  package.install("1");
  desktop.host().must_exec({"systemctl", "--global", "enable", "virtsessiond.service"});
  desktop.host().login(kUser);
  desktop.wait_ready();
  package.install("2");
  CHECK(desktop.host().exec({"systemctl", "--global", "is-enabled", "virtsessiond.service"}).out == "enabled\n");
  desktop.wait_ready();
  desktop.logout();
  package.dpkg({"--purge", "virtsession"});
  CHECK(package.left_behind() == "");
}

TEST_CASE("package: where restarts are forbidden, an upgrade restarts nothing") {
  PackageHost package;
  auto& desktop = package.desktop;
  package.install("1");
  desktop.host().login(kUser);
  desktop.run({"systemctl", "--user", "start", "virtsessiond"});
  desktop.wait_ready();
  const auto daemon = desktop.main_pid("virtsessiond.service");
  desktop.host().write_file("/usr/sbin/policy-rc.d", kRefusesAll);
  desktop.host().must_exec({"chmod", "755", "/usr/sbin/policy-rc.d"});
  package.install("2");
  CHECK(desktop.main_pid("virtsessiond.service") == daemon);
}

TEST_CASE("package: who has no terminal turns it on in the window and does there what the README shows") {
  PackageHost package;
  auto& desktop = package.desktop;
  package.install("1", {"virtsession", "virtsession-desktop"});
  desktop.host().put({VIRTSESSION_TESTS "/window"}, "/srv/");
  desktop.host().login(kUser);
  // As GNOME Boxes or virt-manager leave them.
  const std::string card = "<interface type='user'><model type='virtio'/><rom enabled='no'/></interface>";
  const auto web = desktop.define({.name = "web", .devices = card});
  const auto db = desktop.define({.name = "db"});
  desktop.host().must_user(kUser, {"/srv/window/newcomer_on_host.py"}, {.timeout = std::chrono::minutes(10)});

  CHECK(desktop.run({"systemctl", "--user", "is-enabled", "virtsessiond"}) == "enabled");
  CHECK(web.state() == "shut off");
  CHECK(web.count_on_console(kPowerDown) == 1);
  desktop.logout();

  // The next login starts what was marked: db is restored, and then web boots.
  desktop.host().login(kUser);
  desktop.wait_ready();
  for (const auto* name : {"db", "web"}) desktop.wait_for(name, "Phase", "running");
  web.wait_ready(2);
  CHECK(db.count_on_console(kPowerDown) == 0);
  desktop.logout();
  CHECK(web.count_on_console(kPowerDown) == 2);
  package.dpkg({"--purge", "virtsession-desktop", "virtsession"});
  CHECK(package.left_behind() == "");
}
