// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faked.hpp"

#include <filesystem>
#include <fstream>

// A VM's screen, in the program that is there for it. The programs are stand-ins that say how they were called.

using namespace virtsession::test;

namespace {

struct WithViewers : Usual {
  WithViewers() {
    std::filesystem::create_directory(folder() / "bin");
    environment["PATH"] = (folder() / "bin").string();
    environment["WAYLAND_DISPLAY"] = "wayland-0";
  }
  void install(const std::string& program, int status = 0) const {
    const auto file = folder() / "bin" / program;
    std::ofstream(file) << "#!/bin/sh\necho " << program << " \"$@\"\nexit " << status << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
};

}  // namespace

TEST_CASE("console: the best program that is installed shows the VM, by its uuid, and its exit status is ours") {
  const WithViewers session;
  session.install("gnome-boxes");
  CHECK(session.out({"console", "web"}) == std::string("gnome-boxes --open-uuid ") + kWebUuid + "\n");
  session.install("virt-manager");
  CHECK(session.out({"console", "web"}) ==
        std::string("virt-manager --connect qemu:///session --show-domain-console ") + kWebUuid + "\n");
  session.install("virt-viewer", 7);
  CHECK(session.out({"console", "web"}, 7) ==
        std::string("virt-viewer --connect qemu:///session --attach --uuid ") + kWebUuid + "\n");
  CHECK(session.out({"console", "web", "--with", "gnome-boxes"}).starts_with("gnome-boxes "));
}

TEST_CASE("console: nothing that could show it, nowhere to show it, nothing to show: what to do") {
  WithViewers session;
  CHECK(session.err({"console", "web"}, 1) ==
        "virtsessionctl: no program that shows a VM's screen is installed; these do: virt-viewer, virt-manager, "
        "gnome-boxes\n"
        "  For example:  sudo apt install virt-viewer\n"
        "  The guest's serial console, on this terminal:  virtsessionctl console --serial web\n");
  session.install("virt-viewer");
  CHECK(session.err({"console", "web", "--with", "virt-manager"}, 1) ==
        "virtsessionctl: virt-manager is not installed\n");
  CHECK(session.err({"console", "db"}, 1) ==
        "virtsessionctl: db is off\n  Start it first:  virtsessionctl console --start db\n");
  session.environment.erase("WAYLAND_DISPLAY");
  // A VM is not started for a screen that cannot be shown.
  CHECK(session.err({"console", "db", "--start"}, 1) ==
        "virtsessionctl: there is no display to show a screen on: neither WAYLAND_DISPLAY nor DISPLAY is set\n"
        "  The guest's serial console, on this terminal:  virtsessionctl console --serial db\n");
  CHECK(session.state("db") == "shut-off\n");
  session.environment["DISPLAY"] = ":0";
  CHECK(session.out({"console", "db", "--start"}).starts_with("virt-viewer "));
  CHECK(session.state("db") == "running\n");
}

TEST_CASE("console --serial: virsh, on this terminal, also where there is no display") {
  WithViewers session;
  session.environment.erase("WAYLAND_DISPLAY");
  CHECK(session.err({"console", "--serial", "web"}, 1).find("sudo apt install libvirt-clients") != std::string::npos);
  session.install("virsh");
  CHECK(session.out({"console", "--serial", "web"}) ==
        std::string("virsh --connect qemu:///session console ") + kWebUuid + "\n");
  CHECK(session.err({"console", "--serial", "db"}, 1).find("virtsessionctl console --start --serial db\n") !=
        std::string::npos);
}
