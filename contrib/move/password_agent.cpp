// SPDX-License-Identifier: LGPL-2.1-or-later
#include "password_agent.hpp"

#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

extern char** environ;

namespace virtsession::move {
namespace {

constexpr const char* kProgram = "/usr/bin/pkttyagent";
constexpr int kNotifyFd = 3;
constexpr int kPatienceMs = 5000;  // until it has registered itself, when it closes its end

}  // namespace

PasswordAgent::PasswordAgent(bool wanted) {
  if (!wanted || isatty(STDIN_FILENO) != 1 || access(kProgram, X_OK) < 0) return;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return;
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  auto process = std::to_string(getpid()), notify = std::to_string(kNotifyFd);
  std::string program = kProgram, process_option = "--process", notify_option = "--notify-fd", fallback = "--fallback";
  std::array<char*, 7> arguments{program.data(), process_option.data(), process.data(), notify_option.data(),
                                 notify.data(),  fallback.data(),       nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), kNotifyFd);
  if (posix_spawn(&pid_, kProgram, &actions, nullptr, arguments.data(), environ) != 0) pid_ = -1;
  posix_spawn_file_actions_destroy(&actions);
  write_end.reset();
  pollfd ended{read_end.get(), POLLIN, 0};
  if (pid_ > 0) poll(&ended, 1, kPatienceMs);
}

PasswordAgent::~PasswordAgent() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

}  // namespace virtsession::move
