// SPDX-License-Identifier: LGPL-2.1-or-later
#include "processes/memory_kills.hpp"

#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

struct Counts {
  Counts() {
    write("self", "0::/user.slice/user-1000.slice/user@1000.service/session.slice/virtsessiond.service\n");
    whole_host(7);
  }
  void write(const fs::path& name, const std::string& text) const {
    fs::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name) << text;
  }
  void whole_host(int kills) const {
    write("vmstat", "nr_free_pages 9\noom_kill " + std::to_string(kills) + "\nx 1\n");
  }
  /// \param unit "" is the manager's own
  void of_unit(const std::string& unit, int kills) const {
    write(fs::path("cgroups/user.slice/user-1000.slice/user@1000.service") / unit / "memory.events",
          "low 0\nhigh 5\nmax 3\noom 2\noom_kill " + std::to_string(kills) + "\noom_group_kill 0\n");
  }
  MemoryKillSources sources() const {
    return {folder.path() / "self", folder.path() / "cgroups", folder.path() / "vmstat"};
  }

  test::TemporaryFolder folder;
};

TEST_CASE("What the kernel kills in the slice of VMs is told once, and nothing else") {
  const Counts counts;
  counts.of_unit("", 1);
  MemoryKills kills(counts.sources());
  CHECK_FALSE(kills.any_new());  // no VM has run yet
  counts.of_unit("virtsession.slice", 0);
  CHECK_FALSE(kills.any_new());
  counts.whole_host(8);
  counts.of_unit("", 2);
  CHECK_FALSE(kills.any_new());
  counts.of_unit("virtsession.slice", 2);
  CHECK(kills.any_new());
  CHECK_FALSE(kills.any_new());
  MemoryKills next(counts.sources());  // of the next instance, which was not there
  CHECK_FALSE(next.any_new());
  fs::remove_all(counts.folder.path() / "cgroups/user.slice/user-1000.slice/user@1000.service/virtsession.slice");
  CHECK_FALSE(kills.any_new());
  counts.of_unit("virtsession.slice", 1);
  CHECK(kills.any_new());
}

TEST_CASE("Without the memory controller, what the kernel kills on the whole host counts") {
  const Counts counts;
  MemoryKills kills(counts.sources());
  CHECK_FALSE(kills.any_new());
  counts.whole_host(8);
  CHECK(kills.any_new());
  CHECK_FALSE(kills.any_new());
}

TEST_CASE("Files that say nothing count nothing") {
  const Counts counts;
  counts.write("self", "");
  counts.write("vmstat", "oom_kill many\n");
  MemoryKills kills(counts.sources());
  CHECK_FALSE(kills.any_new());
  MemoryKills nothing({"/nonexistent", "/nonexistent", "/nonexistent"});
  CHECK_FALSE(nothing.any_new());
}

}  // namespace
}  // namespace virtsession
