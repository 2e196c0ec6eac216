// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/brake.hpp"

#include "support/temporary_folder.hpp"
#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

using namespace virtsession;
using namespace std::chrono_literals;
using Clock = Brake::Clock;

namespace {

/// $XDG_RUNTIME_DIR and the user's configuration in a folder of the test's own.
struct Login {
  Login() {
    setenv("XDG_RUNTIME_DIR", (folder / "run").c_str(), 1);
    setenv("XDG_CONFIG_HOME", (folder / "config").c_str(), 1);
    std::filesystem::create_directories(folder / "run");
    std::filesystem::create_directories(folder / "config/libvirt");
  }
  ~Login() {
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_CONFIG_HOME");
  }

  test::TemporaryFolder folder;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

/// `--run-braked PROGRAM` as systemd runs it, with a socket as descriptor 3.
class Braked {
 public:
  Braked(const std::string& program, const std::string& socket_path) : socket_path_(socket_path) {
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto address = address_of(socket_path);
    const int made = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0 || listen(made, 8) < 0) _exit(99);
    if (made != 3 && dup2(made, 3) < 0) _exit(99);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "1", 1);
    _exit(run_braked({program, "an argument"}));
  }
  ~Braked() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Braked(const Braked&) = delete;
  Braked& operator=(const Braked&) = delete;

  /// Connects and reads to the end. \return whether somebody hung up
  bool is_refused() const {
    const UniqueFd client(socket(AF_UNIX, SOCK_STREAM, 0));
    const auto address = address_of(socket_path_);
    const auto give_up = Clock::now() + 10s;
    while (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
      if (Clock::now() > give_up) return false;
      std::this_thread::sleep_for(5ms);
    }
    const timeval limit{10, 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    char byte = 0;
    return read(client.get(), &byte, 1) == 0;
  }
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  std::string socket_path_;
  pid_t pid_ = -1;
};

}  // namespace

TEST_CASE("a program that does not last: six starts at once, then one each 30 s, however long it goes on") {
  const Login login;
  const auto begin = Clock::time_point(1h);
  auto now = begin;
  std::vector<Clock::time_point> starts;
  for (int i = 0; i < 60; ++i) {
    Brake brake("libvirtd");  // a process each
    now += brake.wait(now, kLibvirtBrake);
    brake.note_start(now, kLibvirtBrake);
    starts.push_back(now);
    now += 100ms;
  }
  const auto within = [&](auto from, auto to) {
    return std::count_if(starts.begin(), starts.end(),
                         [&](auto start) { return start - begin >= from && start - begin < to; });
  };
  CHECK(within(0s, 60s) == 7);
  CHECK(within(60s, 120s) == 2);
  CHECK(within(15min, 16min) == 2);

  Brake brake("libvirtd");
  CHECK(brake.wait(now + 10min, kLibvirtBrake) == Clock::duration::zero());  // long after, it comes at once
  brake.release();
  CHECK(Brake("libvirtd").wait(now, kLibvirtBrake) == Clock::duration::zero());  // it was stopped on purpose
}

TEST_CASE("a brake whose file is nonsense, of another clock or not to be written: the program starts") {
  const Login login;
  for (const char* const text : {"nonsense", "-1\n-1\n-1\n-1\n-1\n-1\n-1\n", "999999999999 9 9 9 9 9 9 9"}) {
    std::filesystem::create_directories(login.folder / "run/virtsession");
    std::ofstream(login.folder / "run/virtsession/libvirtd.starts") << text;
    CHECK(Brake("libvirtd").wait(Clock::time_point(1h), kLibvirtBrake) <= 30s);
  }
  std::filesystem::remove_all(login.folder / "run");
  std::ofstream(login.folder / "run") << "no folder";
  Brake brake("libvirtd");
  brake.note_start(Clock::now(), kLibvirtBrake);
  CHECK(brake.wait(Clock::now(), kLibvirtBrake) == Clock::duration::zero());
}

TEST_CASE("braked: clients are refused instead of left to wait, and a configuration that is newer is tried at once") {
  const Login login;
  const auto program = (login.folder / "daemon").string();
  // It has its arguments, and its socket.
  std::ofstream(program) << "#!/bin/sh\ntest \"$1\" = 'an argument' && test -S /proc/self/fd/3 && exit 42\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const auto socket_path = (login.folder / "sock").string();
  CHECK(Braked(program, socket_path).wait() == 42);

  {
    Brake brake("daemon");
    for (int i = 0; i < 6; ++i) brake.note_start(Clock::now(), kLibvirtBrake);
  }
  std::filesystem::remove(socket_path);
  Braked braked(program, socket_path);
  CHECK(braked.is_refused());
  CHECK(braked.is_refused());
  const auto allowed = Clock::now() + Brake("daemon").wait(Clock::now(), kLibvirtBrake);
  std::ofstream(login.folder / "config/libvirt/qemu.conf") << "\n";
  CHECK(braked.wait() == 42);
  CHECK(Clock::now() < allowed);
  CHECK(Braked("/nonexistent/daemon", (login.folder / "other").string()).wait() == 69);
}
