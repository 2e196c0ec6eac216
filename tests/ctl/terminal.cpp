// SPDX-License-Identifier: LGPL-2.1-or-later
#include "terminal.hpp"

#include "support/loop_until.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

namespace virtsession::test {

OnTerminal::OnTerminal(const std::vector<std::string>& arguments, unsigned short columns) {
  std::vector<char*> words;
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const winsize size{40, columns, 0, 0};
  pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    // Only async-signal-safe calls here: the test may have threads.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(words[0], words.data());
    _exit(127);
  }
  fcntl(terminal_, F_SETFD, FD_CLOEXEC);  // nobody else's
}

OnTerminal::~OnTerminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(terminal_);
}

void OnTerminal::type(const std::string& keys) {
  REQUIRE(write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
}

/// \return false at the end
bool OnTerminal::read_more() {
  pollfd polled{terminal_, POLLIN, 0};
  if (poll(&polled, 1, static_cast<int>(std::chrono::milliseconds(kDeadline).count())) <= 0)
    FAIL("Waited in vain for a program that shows:\n" << screen());
  std::array<char, 4096> buffer{};
  const auto got = read(terminal_, buffer.data(), buffer.size());
  if (got <= 0) return false;  // EIO: nobody has the terminal any more
  seen_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

void OnTerminal::wait_for(const std::string& text) {
  while (true) {
    const auto found = seen_.find(text, waited_);
    if (found != std::string::npos) {
      waited_ = found + text.size();
      return;
    }
    if (!read_more()) FAIL("The program ended without \"" << text << "\":\n" << screen());
  }
}

int OnTerminal::wait() {
  while (read_more()) {
  }
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string OnTerminal::screen() const {
  std::string text;
  for (std::size_t i = 0; i < seen_.size(); ++i)
    if (seen_[i] != '\r' || i + 1 == seen_.size() || seen_[i + 1] != '\n') text += seen_[i];
  return text;
}

}  // namespace virtsession::test
