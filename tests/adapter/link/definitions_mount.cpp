// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/definitions_mount.hpp"

#include "support/hung_mount.hpp"
#include "support/loop_until.hpp"
#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace virtsession;
using namespace virtsession::test;
using namespace std::chrono_literals;

TEST_CASE("a home that is mounted later is told, once, and nothing else that is mounted") {
  in_mount_namespace([] {
    const TemporaryFolder folder;
    for (const auto* name : {"home", "real/.config/libvirt", "elsewhere"})
      std::filesystem::create_directories(folder / name);
    EventLoop loop;
    int times = 0;
    const DefinitionsMount mount(
        loop, folder / "home/.config/libvirt", [&] { ++times; }, 50ms);
    mount_tmpfs(folder / "elsewhere", 64);
    bind_mount(folder / "real", folder / "home");
    loop_until(loop, "the home", [&] { return times > 0; });
    unmount(folder / "elsewhere");
    mount_tmpfs(folder / "home/.config", 64);
    loop_until(loop, "the configuration's own file system", [&] { return times > 1; });
    CHECK(times == 2);

    SUBCASE("one that is taken away uncovers what was read before") {
      unmount(folder / "home/.config");
      mount_tmpfs(folder / "elsewhere", 64);
      loop.run_once(0us);
      bind_mount(folder / "real", folder / "home");
      loop_until(loop, "the home again", [&] { return times > 2; });
      CHECK(times == 3);
    }
    SUBCASE("one that hangs is told as well, and nothing waits for it") {
      const HungMount hung(folder / "home");
      loop_until(loop, "the home that hangs", [&] { return times > 2; });
    }
  });
}
