// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/run_program.hpp"

#include "doctor/child_process.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace virtsession {
namespace {

constexpr std::size_t kMaxOutput = std::size_t{64} * 1024;
constexpr const char* kNowhere = "/dev/null";

/// What posix_spawn(3) does in the child: the standard descriptors, and no signal blocked.
class SpawnSetup {
 public:
  explicit SpawnSetup(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, kNowhere, O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, kNowhere, O_WRONLY, 0);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  /// \return the child, or -1
  pid_t spawn(const std::vector<std::string>& arguments) const {
    std::vector<char*> words;
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    std::string path = "PATH=/usr/local/bin:/usr/bin:/bin";
    char* environment[] = {path.data(), nullptr};
    pid_t pid = -1;
    return posix_spawn(&pid, words[0], &actions_, &attributes_, words.data(), environment) == 0 ? pid : -1;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// Reads to the end, or to the deadline. \return false when it came first
bool read_until(int fd, std::chrono::steady_clock::time_point deadline, std::string& text) {
  char buffer[4096];
  while (text.size() < kMaxOutput) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd readable{fd, POLLIN, 0};
    const int ready = poll(&readable, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    const auto got = read(fd, buffer, sizeof buffer);
    if (got == 0) return true;
    if (got < 0 && errno != EINTR) return false;
    if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace

std::optional<std::string> run_program(const std::vector<std::string>& arguments, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return std::nullopt;
  const UniqueFd output(ends[0]);
  UniqueFd input(ends[1]);
  ChildProcess child(SpawnSetup(input.get()).spawn(arguments));
  input.reset();
  std::string text;
  if (!read_until(output.get(), deadline, text)) return std::nullopt;
  const auto status = child.wait_until(deadline);
  if (!status || !WIFEXITED(*status) || WEXITSTATUS(*status) != 0) return std::nullopt;
  return text;
}

std::string find_program(const std::string& name, const std::vector<std::string>& folders) {
  for (const auto& folder : folders) {
    const std::string path = folder + "/" + name;
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

}  // namespace virtsession
