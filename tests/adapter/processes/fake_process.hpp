// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

namespace virtsession::test {

/// A child process that sleeps under the command line of another program; it ends with the object or with the test.
class FakeProcess {
 public:
  explicit FakeProcess(std::vector<std::string> command_line) {
    // sh takes the words after its script for parameters, which stay on its command line. It has to stay, too: without
    // something to do after the sleep some shells become it.
    std::vector<std::string> words{command_line.front(), "-c", "read nothing"};
    words.insert(words.end(), command_line.begin(), command_line.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int input[2];
    int ready[2];
    REQUIRE(pipe2(input, O_CLOEXEC) == 0);
    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(input[0], STDIN_FILENO);
      execv("/bin/sh", arguments.data());
      _exit(127);
    }
    close(input[0]);
    close(ready[1]);
    input_ = input[1];
    // Closed by exec: from then on the command line is there.
    char nothing = 0;
    while (read(ready[0], &nothing, 1) < 0 && errno == EINTR) {
    }
    close(ready[0]);
  }
  ~FakeProcess() {
    kill(pid_, SIGKILL);
    wait();
    close(input_);
  }
  FakeProcess(const FakeProcess&) = delete;
  FakeProcess& operator=(const FakeProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// Waits for its end. \return the signal that ended it, or 0
  int wait() {
    if (!is_waited_) {
      while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
      }
      is_waited_ = true;
    }
    return WIFSIGNALED(status_) ? WTERMSIG(status_) : 0;
  }

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int status_ = 0;
  bool is_waited_ = false;
};

}  // namespace virtsession::test
