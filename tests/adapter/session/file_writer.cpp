// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/file_writer.hpp"

#include "session/state_files.hpp"
#include "support/hung_mount.hpp"
#include "support/mount_namespace.hpp"
#include "support/temporary_folder.hpp"
#include "util/files.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

using namespace virtsession;
using namespace virtsession::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

std::string text_in(const std::string& path) { return read_file(path).value().value_or("(no file)"); }

/// A text that could not be written, for a file in the place of its folder; that is gone now.
struct Failed {
  Failed() {
    FileWriter in_the_way(folder / "state", {});
    in_the_way.write("a file");
    REQUIRE(in_the_way.finish(Clock::now() + 30s));
    writer.write("text");
    CHECK_FALSE(writer.finish(Clock::now() + 30s));
    std::filesystem::remove(folder / "state");
  }

  TemporaryFolder folder;
  std::string path = (folder / "state/state.json").string();
  FileWriter writer{path, {}};
};

/// What the environment calls the home's state folder, and the runtime folder.
struct Home {
  Home() {
    setenv("XDG_STATE_HOME", path.c_str(), 1);
    setenv("XDG_RUNTIME_DIR", (folder / "run").c_str(), 1);
    REQUIRE(make_directories(path));
    REQUIRE(make_directories(folder / "run"));
  }
  std::string state_file() const { return path + "/virtsession/state.json"; }
  std::string login_file() const { return folder / "run/virtsession/login.json"; }

  TemporaryFolder folder;
  std::string path = (folder / "home").string();
};

}  // namespace

TEST_CASE("the latest text is in the file when it was waited for") {
  const TemporaryFolder folder;
  const auto path = (folder / "state/state.json").string();
  FileWriter writer(path, {});
  for (int i = 0; i < 100; ++i) writer.write(std::to_string(i));
  CHECK(writer.finish(Clock::now() + 30s));
  CHECK(text_in(path) == "99");
}

TEST_CASE("what could not be written is written once it can be") {
  const Failed failed;
  const auto& path = failed.path;
  const auto deadline = Clock::now() + 30s;
  while (text_in(path) != "text" && Clock::now() < deadline) std::this_thread::sleep_for(10ms);
  CHECK(text_in(path) == "text");
}

TEST_CASE("at the end, what could not be written is tried once more at once; an empty text removes the file") {
  Failed failed;
  const auto& path = failed.path;
  auto& writer = failed.writer;
  CHECK(writer.finish(Clock::now() + 30s));
  CHECK(text_in(path) == "text");
  writer.write("");
  CHECK(writer.finish(Clock::now() + 30s));
  CHECK(text_in(path) == "(no file)");
}

TEST_CASE("a state folder that hangs holds nobody up, and keeps what it has") {
  in_mount_namespace([] {
    const Home home;
    KeptState kept;
    kept.login = {{"autostart_begun", true}, {"vms", nlohmann::json::object()}};
    kept.lasting["up"] = {"of the last login"};
    {
      StateFiles files;
      files.save(kept);
      REQUIRE(files.finish(Clock::now() + 30s));
    }
    HungMount hung(home.path);
    const auto begun = Clock::now();
    std::atomic<int> read = 0;
    StateFiles files([&] {
      ++read;
      read.notify_one();
    });
    const auto loaded = files.load();
    CHECK(Clock::now() - begun < 20s);
    CHECK(loaded.login == kept.login);
    CHECK(loaded.lasting.empty());
    kept.login["autostart_begun"] = false;
    files.save(kept);
    CHECK(text_in(home.login_file()).find("false") != std::string::npos);
    CHECK_FALSE(files.finish(Clock::now()));
    hung.answer();
    CHECK(text_in(home.state_file()).find("of the last login") != std::string::npos);
    read.wait(0);
    files.save(kept);  // what it has was not taken yet
    const auto late = files.take_late();
    REQUIRE(late);
    CHECK((*late)["up"] == kept.lasting["up"]);
    CHECK_FALSE(files.take_late());
    kept.lasting["up"] = {"of this login"};
    files.save(kept);
    CHECK(files.finish(Clock::now() + 30s));
    CHECK(text_in(home.state_file()).find("of this login") != std::string::npos);
  });
}

TEST_CASE("a state folder that begins to hang is not waited for") {
  in_mount_namespace([] {
    const Home home;
    StateFiles files;
    KeptState kept = files.load();
    HungMount hung(home.path);
    kept.login["autostart_begun"] = true;
    kept.lasting["up"] = {"a"};
    files.save(kept);
    kept.lasting["up"] = {"a", "b"};
    files.save(kept);
    CHECK(text_in(home.login_file()).find("true") != std::string::npos);
    CHECK_FALSE(files.finish(Clock::now() + 100ms));
    hung.answer();
    files.save(kept);
    CHECK(files.finish(Clock::now() + 30s));
    CHECK(text_in(home.state_file()).find("\"b\"") != std::string::npos);
  });
}
