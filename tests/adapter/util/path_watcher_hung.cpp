// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/hung_mount.hpp"
#include "support/loop_until.hpp"
#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"
#include "util/event_loop.hpp"
#include "util/path_watcher.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::HungMount;
using test::in_mount_namespace_of_new_program;
using test::loop_until;
using test::TemporaryFolder;

/// A path, and what is known of it.
struct Followed {
  Followed(PathWatcher& watcher, const std::string& path)
      : handle(watcher.watch(path, [this](const std::string& entry) { entries.insert(entry); })) {}
  bool is(bool answers, bool exists) const {
    const auto facts = handle.facts();
    return facts && facts->answers == answers && facts->exists == exists;
  }

  std::set<std::string> entries;
  PathWatcher::Handle handle;
};

/// A folder "hung" that does not answer, and one beside it that does.
struct Folders {
  Folders() {
    fs::create_directory(folder / "hung");
    fs::create_directory(folder / "fine");
    mount.emplace(folder / "hung");
  }
  TemporaryFolder folder;
  std::optional<HungMount> mount;
};

TEST_CASE("A path that hangs does not answer, and holds up no other") {
  in_mount_namespace_of_new_program([] {
    Folders folders;
    EventLoop loop;
    PathWatcher watcher(loop, 200ms);
    const Followed hung(watcher, folders.folder / "hung/disk");
    Followed fine(watcher, folders.folder / "fine");
    loop_until(loop, "both", [&] { return hung.is(false, false) && fine.is(true, true); });
    std::ofstream(folders.folder / "fine/entry") << "x";
    loop_until(loop, "the entry", [&] { return fine.entries.contains("entry"); });
    REQUIRE(hung.is(false, false));

    folders.mount->answer();
    loop_until(loop, "an answer", [&] { return hung.is(true, false); });
    std::ofstream(folders.folder / "hung/disk") << "x";
    loop_until(loop, "the disk", [&] { return hung.is(true, true); });
  });
}

TEST_CASE("A path that begins to hang while it is watched") {
  in_mount_namespace_of_new_program([] {
    TemporaryFolder folder;
    fs::create_directories(folder / "mnt/images");
    EventLoop loop;
    PathWatcher watcher(loop, 200ms);
    const Followed images(watcher, folder / "mnt/images");
    Followed fine(watcher, folder.path());
    loop_until(loop, "both", [&] { return images.is(true, true) && fine.is(true, true); });
    HungMount mount(folder / "mnt");
    loop_until(loop, "no answer", [&] { return images.is(false, false); });
    fine.entries.clear();
    loop_until(loop, "that it is watched again", [&] { return fine.entries.contains(""); });
    fs::create_directory(folder / "entry");
    loop_until(loop, "the entry", [&] { return fine.entries.contains("entry"); });
    mount.answer();
    loop_until(loop, "the images", [&] { return images.is(true, true); });
  });
}

TEST_CASE("Any number of paths on what hangs, looked at again and again, takes no more threads than one") {
  in_mount_namespace_of_new_program([] {
    Folders folders;
    EventLoop loop;
    PathWatcher watcher(loop, 100ms);
    std::vector<std::unique_ptr<Followed>> hung;
    for (int i = 0; i < 50; ++i)
      hung.push_back(std::make_unique<Followed>(watcher, folders.folder / ("hung/" + std::to_string(i))));
    Followed fine(watcher, folders.folder / "fine");
    const auto none_answers = [&] {
      for (const auto& path : hung)
        if (!path->is(false, false)) return false;
      return true;
    };
    loop_until(loop, "all", [&] { return none_answers() && fine.is(true, true); });
    for (auto& path : hung) path = std::make_unique<Followed>(watcher, folders.folder / "hung/again");
    loop_until(loop, "all again", none_answers);
    std::ofstream(folders.folder / "fine/entry") << "x";
    loop_until(loop, "the entry", [&] { return fine.entries.contains("entry"); });
    int lanes = 0;
    for (const auto& task : fs::directory_iterator("/proc/self/task")) {
      std::string name;
      std::ifstream(task.path() / "comm") >> name;
      lanes += name == "paths" ? 1 : 0;
    }
    CHECK(lanes <= 3);
    REQUIRE(lanes >= 2);
    folders.mount->answer();
    loop_until(loop, "answers", [&] { return hung.front()->is(true, false) && hung.back()->is(true, false); });
  });
}

TEST_CASE("The watcher goes while a look hangs") {
  in_mount_namespace_of_new_program([] {
    Folders folders;
    EventLoop loop;
    {
      PathWatcher watcher(loop, 100ms);
      const Followed hung(watcher, folders.folder / "hung");
      loop_until(loop, "no answer", [&] { return hung.is(false, false); });
    }
    folders.mount->answer();
    PathWatcher watcher(loop);
    const Followed fine(watcher, folders.folder / "fine");
    loop_until(loop, "another watcher", [&] { return fine.is(true, true); });
  });
}

}  // namespace
}  // namespace virtsession
