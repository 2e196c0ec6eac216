// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <system_error>
#include <utility>

namespace virtsession::test {
namespace {

constexpr int kPatienceMs = 60'000;

std::vector<std::string> merged(const std::vector<std::string>& environment) {
  std::map<std::string, std::string> values;
  const auto add = [&](const std::string& entry) { values[entry.substr(0, entry.find('='))] = entry; };
  for (char** entry = environ; *entry; ++entry) add(*entry);
  for (const auto& entry : environment) add(entry);
  std::vector<std::string> result;
  for (const auto& [name, entry] : values) result.push_back(entry);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Program::Program(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  output_ = UniqueFd(ends[0]);
  const UniqueFd input(ends[1]);
  auto arguments = command;
  auto variables = merged(environment);
  const auto argv = pointers(arguments);
  const auto envp = pointers(variables);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    // Only async-signal-safe calls here.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    execvpe(argv[0], argv.data(), envp.data());
    _exit(127);
  }
}

Program::~Program() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Program::wait_for(const std::string& what, const std::function<bool(const std::string&)>& wanted) {
  while (!wanted(printed_))
    if (!read_some()) FAIL("it ended without " << what << "; it printed:\n" << printed_);
}

void Program::wait_for(const std::string& text) {
  wait_for(text, [&](const std::string& printed) { return printed.find(text) != std::string::npos; });
}

int Program::wait() {
  while (read_some()) {
  }
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Program::signal(int number) const { kill(pid_, number); }

bool Program::read_some() {
  pollfd readable{output_.get(), POLLIN, 0};
  if (poll(&readable, 1, kPatienceMs) != 1) FAIL("nothing new for a minute; it printed:\n" << printed_);
  std::array<char, 4096> buffer;
  const auto got = read(output_.get(), buffer.data(), buffer.size());
  if (got > 0) printed_.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

}  // namespace virtsession::test
