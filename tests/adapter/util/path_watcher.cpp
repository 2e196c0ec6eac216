// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/path_watcher.hpp"

#include "support/loop_until.hpp"
#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"
#include "util/unique_fd.hpp"
#include "util/watched_paths.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {
namespace {

namespace fs = std::filesystem;
using test::loop_until;
using test::TemporaryFolder;

/// A watch, and what it was told.
struct Watched {
  Watched(EventLoop& loop, PathWatcher& watcher, const std::string& path)
      : handle(watcher.watch(path, [this](const std::string& entry) { calls.push_back(entry); })) {
    loop_until(loop, "a first look", [&] { return handle.facts().has_value(); });
    calls.clear();
  }

  std::vector<std::string> calls;
  PathWatcher::Handle handle;

  bool exists() const { return handle.facts()->exists; }
  bool told(const std::string& entry) const { return std::find(calls.begin(), calls.end(), entry) != calls.end(); }
  void expect(EventLoop& loop, const std::string& entry) {
    loop_until(loop, "a change of \"" + entry + "\"", [&] { return told(entry); });
    calls.clear();
  }
  void expect_existence(EventLoop& loop, bool existence) {
    loop_until(loop, existence ? "the path to appear" : "the path to vanish",
               [&] { return told("") && exists() == existence; });
    calls.clear();
  }
};

/// All that has happened at watched paths has been told: the threads take things in their order.
void settle(EventLoop& loop, PathWatcher& watcher) { const Watched after(loop, watcher, "/"); }

void touch(const fs::path& path) { std::ofstream(path) << "x"; }

TEST_CASE("A path below folders that do not exist yet appears, vanishes and appears again") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  Watched watched(loop, watcher, folder / "a/b/c");
  CHECK_FALSE(watched.exists());

  fs::create_directory(folder / "a");
  settle(loop, watcher);
  CHECK_FALSE(watched.exists());
  fs::create_directories(folder / "a/b/c");
  watched.expect_existence(loop, true);
  fs::remove_all(folder / "a");
  watched.expect_existence(loop, false);
  fs::create_directories(folder / "a/b/c");
  watched.expect_existence(loop, true);
  touch(folder / "a/b/c/entry");
  watched.expect(loop, "entry");
}

TEST_CASE("Entries of a folder: files, folders and links that come, go, and are renamed") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  Watched watched(loop, watcher, folder.path());
  CHECK(watched.exists());

  fs::create_symlink("/nonexistent/web.xml", folder / "web.xml");  // as libvirt's autostart folder has them
  watched.expect(loop, "web.xml");
  fs::rename(folder / "web.xml", folder / "db.xml");
  loop_until(loop, "both names", [&] { return watched.told("web.xml") && watched.told("db.xml"); });
  watched.calls.clear();
  fs::remove(folder / "db.xml");
  watched.expect(loop, "db.xml");
  fs::create_directory(folder / "sub");
  watched.expect(loop, "sub");
  touch(folder / "sub/deeper");
  settle(loop, watcher);
  CHECK(watched.calls.empty());
}

TEST_CASE("Replacing a file counts, as does removing it, and its neighbours do not") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  const auto path = folder / "config.json";
  Watched watched(loop, watcher, path);
  touch(path);
  watched.expect_existence(loop, true);
  touch(folder / "config.json.new");
  settle(loop, watcher);
  CHECK(watched.calls.empty());
  fs::rename(folder / "config.json.new", path);
  watched.expect(loop, "");
  fs::remove(path);
  watched.expect_existence(loop, false);
}

TEST_CASE("A parent that is renamed away takes the path with it, and brings it back") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  fs::create_directories(folder / "a/b/c");
  Watched watched(loop, watcher, folder / "a/b/c");
  fs::rename(folder / "a", folder / "elsewhere");
  watched.expect_existence(loop, false);
  touch(folder / "elsewhere/b/c/entry");
  settle(loop, watcher);
  CHECK(watched.calls.empty());
  fs::rename(folder / "elsewhere", folder / "a");
  watched.expect_existence(loop, true);
  touch(folder / "a/b/c/another");
  watched.expect(loop, "another");
}

TEST_CASE("A symbolic link on the way is followed, and its replacement is seen") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  fs::create_directories(folder / "one/x");
  fs::create_directories(folder / "two/x");
  fs::create_directory_symlink("one", folder / "link");
  Watched watched(loop, watcher, folder / "link/x");
  CHECK(watched.exists());
  touch(folder / "one/x/entry");
  watched.expect(loop, "entry");
  fs::create_directory_symlink("two", folder / "link.new");
  fs::rename(folder / "link.new", folder / "link");
  watched.expect(loop, "");
  touch(folder / "two/x/entry");
  watched.expect(loop, "entry");

  fs::remove(folder / "link");
  fs::create_directory_symlink(folder / "three", folder / "link");  // dangles
  watched.expect_existence(loop, false);
  fs::create_directories(folder / "three/x");
  watched.expect_existence(loop, true);
}

TEST_CASE("A loop of symbolic links is a path that does not exist") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  fs::create_directory_symlink("b", folder / "a");
  fs::create_directory_symlink("a", folder / "b");
  Watched watched(loop, watcher, folder / "a/x");
  CHECK_FALSE(watched.exists());
  fs::remove(folder / "b");
  fs::create_directories(folder / "b/x");
  watched.expect_existence(loop, true);
}

TEST_CASE("The removal of a folder that somebody works in is seen at once") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  fs::create_directories(folder / "a/b");
  Watched watched(loop, watcher, folder / "a/b");
  const UniqueFd b(open((folder / "a/b").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd a(open((folder / "a").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(b);
  REQUIRE(a);
  fs::remove(folder / "a/b");
  watched.expect_existence(loop, false);
  fs::remove(folder / "a");
  settle(loop, watcher);
  fs::create_directories(folder / "a/b");
  watched.expect_existence(loop, true);
}

TEST_CASE("Two watches of one folder are independent") {
  const TemporaryFolder folder;
  EventLoop loop;
  PathWatcher watcher(loop);
  std::optional<Watched> all;
  all.emplace(loop, watcher, folder.path());
  Watched one(loop, watcher, folder / "one");
  touch(folder / "other");
  all->expect(loop, "other");
  CHECK(one.calls.empty());
  all.reset();
  touch(folder / "one");
  one.expect_existence(loop, true);
}

TEST_CASE("A callback may drop its own watch, another one, or the watcher") {
  const TemporaryFolder folder;
  EventLoop loop;
  auto watcher = std::make_unique<PathWatcher>(loop);
  int calls = 0;
  PathWatcher::Handle first;
  PathWatcher::Handle second;
  const auto owned = std::make_shared<int>(1);
  SUBCASE("watches") {
    const auto drop_both = [&, owned](const std::string&) {
      first.reset();
      second.reset();
      calls += *owned;
    };
    first = watcher->watch(folder.path(), drop_both);
    second = watcher->watch(folder.path(), drop_both);
  }
  SUBCASE("the watcher") {
    first = watcher->watch(folder.path(), [&, owned](const std::string&) {
      watcher.reset();
      calls += *owned;
    });
    second = watcher->watch(folder.path(), [&, owned](const std::string&) { calls += *owned; });
  }
  loop_until(loop, "a call", [&] { return calls > 0; });
  touch(folder / "a");
  PathWatcher other(loop);
  settle(loop, other);
  CHECK(calls == 1);
  first.reset();
  second.reset();
  CHECK(owned.use_count() == 1);
}

TEST_CASE("A path that is not absolute is refused") {
  EventLoop loop;
  PathWatcher watcher(loop);
  CHECK_THROWS_AS(static_cast<void>(watcher.watch("relative", [](const std::string&) {})), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(watcher.watch("", [](const std::string&) {})), std::invalid_argument);
}

TEST_CASE("When the kernel's queue overflows, every path is told of") {
  const TemporaryFolder folder;
  WatchedPaths paths;
  fs::create_directory(folder / "busy");
  fs::create_directory(folder / "quiet");
  paths.add(1, folder / "busy");
  paths.add(2, folder / "quiet");
  std::set<WatchedPaths::Id> told;
  const auto look = [&] {
    told.clear();
    paths.look([](WatchedPaths::Id, const std::string&) {},
               [&](WatchedPaths::Id id, const PathFacts&, const std::set<std::string>& entries) {
                 if (entries.contains("")) told.insert(id);
               });
  };
  look();
  std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
  int limit = 0;
  limit_file >> limit;
  REQUIRE(limit > 0);
  const std::string a = folder / "busy/a";
  const std::string b = folder / "busy/b";
  touch(a);
  for (int i = 0; i < limit; ++i) REQUIRE(std::rename((i % 2 == 0 ? a : b).c_str(), (i % 2 == 0 ? b : a).c_str()) == 0);
  paths.read_events();
  look();
  CHECK(told == std::set<WatchedPaths::Id>{1, 2});
}

TEST_CASE("A mount on an empty, watched folder is seen, as are its entries and the unmount") {
  test::in_mount_namespace([] {
    const TemporaryFolder folder;
    EventLoop loop;
    PathWatcher watcher(loop);
    fs::create_directory(folder / "mnt");
    fs::create_directories(folder / "source/images");
    Watched mount_point(loop, watcher, folder / "mnt");
    Watched below(loop, watcher, folder / "mnt/images");
    REQUIRE_FALSE(below.exists());

    test::bind_mount(folder / "source", folder / "mnt");
    below.expect_existence(loop, true);
    mount_point.expect_existence(loop, true);
    touch(folder / "mnt/entry");
    mount_point.expect(loop, "entry");
    touch(folder / "mnt/images/disk");
    below.expect(loop, "disk");

    test::unmount(folder / "mnt");
    below.expect_existence(loop, false);
    mount_point.expect_existence(loop, true);

    test::mount_tmpfs(folder / "mnt", 64);
    mount_point.expect_existence(loop, true);
    fs::create_directory(folder / "mnt/images");
    below.expect_existence(loop, true);
    test::unmount(folder / "mnt");
    below.expect_existence(loop, false);
    touch(folder / "mnt/under");
    mount_point.expect(loop, "under");
  });
}

TEST_CASE("A busy folder on the way wakes nobody once it is only passed through") {
  const TemporaryFolder folder;
  WatchedPaths paths;
  bool exists = false;
  const auto is_readable = [&] {
    pollfd source{paths.descriptor(), POLLIN, 0};
    return poll(&source, 1, 0) > 0;
  };
  const auto look = [&] {
    do {
      paths.read_events();
      paths.look(
          [](WatchedPaths::Id, const std::string&) {},
          [&](WatchedPaths::Id, const PathFacts& facts, const std::set<std::string>&) { exists = facts.exists; });
    } while (is_readable());
  };
  paths.add(1, folder / "a/b/c");
  look();
  touch(folder / "noise");
  CHECK(is_readable());  // it might have been the path's next part
  fs::create_directories(folder / "a/b/c");
  look();
  REQUIRE(exists);
  fs::rename(folder / "noise", folder / "more-noise");
  touch(folder / "a/noise");
  CHECK_FALSE(is_readable());  // the kernel tells at once, or not at all
}

}  // namespace
}  // namespace virtsession
