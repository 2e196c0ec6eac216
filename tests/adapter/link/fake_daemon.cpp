// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fake_daemon.hpp"

#include "support/loop_until.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

namespace virtsession::test {
namespace {

constexpr const char* kLock = "FAKE_DAEMON_LOCK";
constexpr const char* kIgnores = "FAKE_DAEMON_IGNORES_SIGTERM";
constexpr const char* kLog = "FAKE_DAEMON_LOG";

int log_file = -1;

void say_word() {
  const char word = '.';
  [[maybe_unused]] const auto written = write(STDOUT_FILENO, &word, 1);
}

/// What the copy does instead of running tests.
[[noreturn]] void act(const char* lock_path) {
  const int file = open(lock_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  if (fcntl(file, F_SETLK, &lock) < 0) _exit(1);
  if (std::getenv(kIgnores)) std::signal(SIGTERM, SIG_IGN);
  if (const char* log = std::getenv(kLog)) log_file = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  std::signal(SIGUSR1, [](int) {
    close(log_file);
    say_word();
  });
  say_word();
  for (;;) pause();
}

[[maybe_unused]] const bool is_test = [] {
  if (const char* lock = std::getenv(kLock)) act(lock);
  return true;
}();

}  // namespace

FakeDaemon::FakeDaemon(const std::filesystem::path& folder, const std::string& name, const std::filesystem::path& lock,
                       const Options& options) {
  const auto program = folder / name;
  std::filesystem::copy_file("/proc/self/exe", program);
  std::filesystem::create_directories(lock.parent_path());
  std::vector<std::string> environment{std::string(kLock) + "=" + lock.string()};
  if (options.ignores_sigterm) environment.push_back(std::string(kIgnores) + "=1");
  if (!options.log.empty()) environment.push_back(std::string(kLog) + "=" + options.log);
  std::vector<char*> pointers;
  for (auto& variable : environment) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  std::string argument = program.string();
  char* arguments[] = {argument.data(), nullptr};

  int words[2];
  REQUIRE(pipe2(words, O_CLOEXEC) == 0);
  words_ = words[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // No file of whoever runs the tests: one that is open for a log would pass for a VM's.
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, words[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  const int error = posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, pointers.data());
  posix_spawn_file_actions_destroy(&actions);
  close(words[1]);
  REQUIRE(error == 0);
  expect_word();
}

FakeDaemon::~FakeDaemon() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(words_);
}

void FakeDaemon::expect_word() const {
  pollfd ready{words_, POLLIN, 0};
  REQUIRE(poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kDeadline).count())) == 1);
  char word = 0;
  REQUIRE(read(words_, &word, 1) == 1);
}

void FakeDaemon::close_log() const {
  ::kill(pid_, SIGUSR1);
  expect_word();
}

bool FakeDaemon::has_ended() const {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
}

int FakeDaemon::wait() {
  int status = 0;
  REQUIRE(waitpid(std::exchange(pid_, 0), &status, 0) > 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace virtsession::test
