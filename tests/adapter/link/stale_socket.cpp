// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/stale_socket.hpp"

#include "support/loop_until.hpp"
#include "support/temporary_folder.hpp"
#include "unix_socket.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>

using namespace virtsession;
using namespace virtsession::test;

namespace {

std::chrono::system_clock::time_point made_at(const std::string& path) {
  struct stat status {};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return std::chrono::system_clock::time_point(std::chrono::seconds(status.st_ctim.tv_sec + 1));  // rounded up
}

}  // namespace

TEST_CASE("a socket is stale when nobody listens, and nobody is connected to for finding that out") {
  const TemporaryFolder folder;
  const auto path = folder / "virtqemud-sock";
  CHECK_FALSE(is_stale_socket(path));
  std::ofstream(path) << "a file";
  CHECK_FALSE(is_stale_socket(path));
  std::filesystem::remove(path);
  {
    const auto listening = bind_socket(path, true);
    CHECK_FALSE(is_stale_socket(path));
    pollfd client{listening.get(), POLLIN, 0};
    CHECK(poll(&client, 1, 0) == 0);  // systemd would have started what it keeps
  }
  CHECK(is_stale_socket(path));
}

TEST_CASE("the file of a socket that its daemon left behind is removed") {
  const TemporaryFolder folder;
  EventLoop loop;
  const auto path = folder / "virtqemud-sock";
  { const auto left = bind_socket(path, true); }
  StaleSocket stale(loop);
  stale.look(path);
  loop_until(loop, "the file to go", [&] { return !std::filesystem::exists(path); });
}

TEST_CASE("the file of a socket that was left behind a while ago is removed before anybody is told of a connection") {
  const TemporaryFolder folder;
  EventLoop loop;
  const auto path = folder / "virtqemud-sock";
  { const auto left = bind_socket(path, true); }
  loop_until(loop, "the file to be old", [&, made = made_at(path)] {
    loop.run_once(std::chrono::milliseconds(10));
    return std::chrono::system_clock::now() - made > std::chrono::seconds(1);
  });
  StaleSocket stale(loop);
  stale.look(path);
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a socket at which somebody begins to listen is left alone, and so is one that took its place") {
  const TemporaryFolder folder;
  EventLoop loop;
  const auto path = folder / "virtqemud-sock", gone = folder / "gone";
  const auto late = bind_socket(path, false);
  { const auto left = bind_socket(gone, true); }
  StaleSocket stale(loop), other(loop);
  stale.look(path);
  other.look(gone);
  REQUIRE(listen(late.get(), 1) == 0);
  loop_until(loop, "the second look", [&] { return !std::filesystem::exists(gone); });
  loop_until_idle(loop);
  CHECK(std::filesystem::exists(path));
}
