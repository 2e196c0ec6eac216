// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/loop_until.hpp"
#include "support/temporary_folder.hpp"
#include "util/event_loop.hpp"
#include "util/path_watcher.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace virtsession {
namespace {

constexpr const char* kLimit = "/proc/sys/user/max_inotify_instances";
constexpr const char* kInside = "VIRTSESSION_TEST_WITHOUT_INOTIFY";

TEST_CASE("Paths are known, and their changes noticed, when the user has no inotify instance left") {
  if (!std::getenv(kInside)) {
    // The limit is one of a user namespace, which a program has to itself only when it is started in it.
    const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string command = std::string("unshare --user --map-root-user sh -c 'echo 0 >") + kLimit +
                                " && exec env " + kInside + "=1 \"$0\" \"$1\"' \"" + program +
                                "\" \"--test-case=*no inotify instance left\"";
    CHECK(std::system(command.c_str()) == 0);
    return;
  }
  const test::TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  std::ofstream(folder / "there") << "x";
  int calls = 0;
  const auto there = watcher.watch(folder / "there", [](const std::string&) {});
  const auto coming = watcher.watch(folder / "coming", [](const std::string&) {});
  const auto entries = watcher.watch(folder.path(), [&](const std::string& entry) { calls += entry.empty(); });
  test::loop_until(loop, "what is there", [&] { return there.facts() && coming.facts() && entries.facts(); });
  CHECK(there.facts()->answers);
  CHECK(there.facts()->exists);
  CHECK_FALSE(coming.facts()->exists);

  calls = 0;
  std::ofstream(folder / "coming") << "x";
  test::loop_until(loop, "a look", [&] { return coming.facts()->exists; });
  test::loop_until(loop, "that entries may have changed", [&] { return calls > 0; });

  // There is one again.
  std::ofstream(kLimit) << "10";
  std::filesystem::remove(folder / "there");
  test::loop_until(loop, "another look", [&] { return !there.facts()->exists; });
  bool told = false;
  const auto watched =
      watcher.watch(folder.path(), [&](const std::string& entry) { told |= entry.starts_with("new"); });
  test::loop_until(loop, "the folder", [&] { return watched.facts().has_value(); });
  // The look that saw it may have begun before there was an instance: then there is another one.
  for (int i = 0; i < 3 && !told; ++i) {
    calls = 0;
    std::ofstream(folder / ("new" + std::to_string(i))) << "x";
    test::loop_until(loop, "the entry itself, or one more look", [&] { return told || calls > 0; });
  }
  CHECK(told);
}

}  // namespace
}  // namespace virtsession
