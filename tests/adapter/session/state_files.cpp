// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/state_files.hpp"

#include "support/temporary_folder.hpp"
#include "systemd/manager_instance.hpp"
#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace virtsession;
using namespace virtsession::test;
using nlohmann::json;

namespace {

struct Folders {
  Folders() {
    setenv("XDG_RUNTIME_DIR", runtime.path().c_str(), 1);
    setenv("XDG_STATE_HOME", state.path().c_str(), 1);
  }
  std::filesystem::path login() const { return runtime.path() / "virtsession/login.json"; }
  std::filesystem::path lasting() const { return state.path() / "virtsession/state.json"; }

  TemporaryFolder runtime, state;
};

/// A process that listens where the user manager does.
class FakeManager {
 public:
  explicit FakeManager(const Folders& folders) {
    const auto path = folders.runtime.path() / "systemd/private";
    std::filesystem::create_directories(path.parent_path());
    std::filesystem::remove(path);
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
      if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && listen(fd, 8) == 0 &&
          write(ready[1], "", 1) == 1)
        pause();
      _exit(1);
    }
    close(ready[1]);
    char byte = 0;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
  }
  ~FakeManager() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// Into the files, not only on the way to them.
void save_all(const KeptState& state, StateFiles& files) {
  files.save(state);
  REQUIRE(files.finish(std::chrono::steady_clock::now() + std::chrono::seconds(30)));
}

void save_all(const KeptState& state) {
  StateFiles files;
  save_all(state, files);
}

KeptState begun() {
  Kept kept;
  kept.autostart_begun = true;
  kept.up = {"uuid-a"};
  return to_state(kept);
}

}  // namespace

TEST_CASE("State files: what is saved is loaded, and a login that is over leaves no file") {
  const Folders folders;
  CHECK(StateFiles().load().login_is_new());
  StateFiles files;
  save_all(begun(), files);
  CHECK(from_state(StateFiles().load()).autostart_begun);
  CHECK(from_state(StateFiles().load()).up == std::set<std::string>{"uuid-a"});
  save_all({json::object(), begun().lasting}, files);
  CHECK_FALSE(std::filesystem::exists(folders.login()));
  CHECK(StateFiles().load().login_is_new());
  CHECK(from_state(StateFiles().load()).up == std::set<std::string>{"uuid-a"});
}

TEST_CASE("State files: a login.json that is there and cannot be used begins no new login, at the second look either") {
  const Folders folders;
  const std::string whole = begun().login.dump();
  for (const auto& text : {std::string(), whole.substr(0, whole.size() / 2), std::string("[]"), std::string("{}"),
                           std::string(R"({"format": 7, "autostart_begun": false, "vms": {}})"),
                           std::string(R"({"autostart_begun": "no", "vms": {}})"), std::string("\xff\xfe")}) {
    CAPTURE(text);
    write_text(folders.login(), text);
    for (int instance = 0; instance < 3; ++instance) {  // ExecStopPost= looks before the next one
      const auto kept = StateFiles().load();
      CHECK_FALSE(kept.login_is_new());
      CHECK(from_state(kept).autostart_begun);
    }
    CHECK(text_of(folders.login().string() + ".damaged") == text);
  }
  std::filesystem::remove(folders.login());
  std::filesystem::create_directory(folders.login());
  CHECK(from_state(StateFiles().load()).autostart_begun);
}

TEST_CASE("State files: another instance of the user manager is a new login, a restart of ours is none") {
  const Folders folders;
  {
    const FakeManager manager(folders);
    const auto instance = user_manager_instance();
    CHECK(instance != "");
    CHECK(user_manager_instance() == instance);
    save_all(begun());
    CHECK_FALSE(StateFiles().load().login_is_new());
  }
  CHECK(user_manager_instance() == "");
  CHECK_FALSE(StateFiles().load().login_is_new());  // not known is not another one
  const FakeManager manager(folders);
  const auto kept = StateFiles().load();
  CHECK(kept.login_is_new());
  CHECK(from_state(kept).up == std::set<std::string>{"uuid-a"});
  save_all(begun());
  CHECK_FALSE(StateFiles().load().login_is_new());
}
