// SPDX-License-Identifier: LGPL-2.1-or-later
#include "process.hpp"

#include "wait_until.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace virtsession::test {
namespace {

[[noreturn]] void throw_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor = -1) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileDescriptor() { reset(); }

  int get() const { return descriptor_; }
  void reset() {
    if (descriptor_ >= 0) {
      close(std::exchange(descriptor_, -1));
    }
  }

 private:
  int descriptor_;
};

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw_errno("pipe2");
  }
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

void set_nonblocking(const FileDescriptor& descriptor) {
  if (fcntl(descriptor.get(), F_SETFL, O_NONBLOCK) != 0) {
    throw_errno("fcntl");
  }
}

/// Only what is safe in the child of a program with threads. Does not return.
[[noreturn]] void become(char* const* arguments, int standard_input, int standard_output, int standard_error) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  dup2(standard_input, STDIN_FILENO);
  dup2(standard_output, STDOUT_FILENO);
  dup2(standard_error, STDERR_FILENO);
  execvp(arguments[0], arguments);
  _exit(127);
}

/// Appends what can be read without waiting. Closes the descriptor at the end of the stream.
void drain(FileDescriptor& descriptor, std::string& text) {
  std::array<char, 65536> buffer;
  while (descriptor.get() >= 0) {
    const ssize_t count = read(descriptor.get(), buffer.data(), buffer.size());
    if (count > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count == 0) {
      descriptor.reset();
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      throw_errno("read");
    }
  }
}

/// Writes what can be written without waiting and cuts it off `text`. Closes the descriptor when all is written, or
/// when nobody reads it any more.
void feed(FileDescriptor& descriptor, std::string_view& text) {
  while (!text.empty()) {
    const ssize_t count = write(descriptor.get(), text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      break;
    }
  }
  descriptor.reset();
}

/// A write to a command that does not read must be an error and not the end of the test program.
void ignore_broken_pipes() {
  static const bool is_done = [] { return signal(SIGPIPE, SIG_IGN) != SIG_ERR; }();
  static_cast<void>(is_done);
}

class Child {
 public:
  Child(const std::vector<std::string>& arguments, int standard_input, int standard_output, int standard_error) {
    std::vector<char*> words;
    words.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) {
      words.push_back(const_cast<char*>(argument.c_str()));
    }
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ < 0) {
      throw_errno("fork");
    }
    if (pid_ == 0) {
      become(words.data(), standard_input, standard_output, standard_error);
    }
    // glibc 2.36 declares pidfd_open() in a header that clashes with <sys/wait.h>.
    descriptor_ = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (descriptor_.get() < 0) {
      const int error = errno;
      ::kill(pid_, SIGKILL);
      wait();
      throw std::system_error(error, std::generic_category(), "pidfd_open");
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }

  int descriptor() const { return descriptor_.get(); }

  int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  FileDescriptor descriptor_;
};

}  // namespace

CommandResult run(const std::vector<std::string>& arguments, const RunOptions& options) {
  if (arguments.empty()) {
    throw std::invalid_argument("run: no command");
  }
  ignore_broken_pipes();
  Pipe input = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  Child child(arguments, input.read_end.get(), out.write_end.get(), err.write_end.get());
  input.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  set_nonblocking(input.write_end);
  set_nonblocking(out.read_end);
  set_nonblocking(err.read_end);

  CommandResult result;
  std::string_view unwritten = options.input;
  feed(input.write_end, unwritten);
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  while (true) {
    // poll() skips the descriptors that are closed by now, being negative.
    std::array<pollfd, 4> polled{pollfd{child.descriptor(), POLLIN, 0}, pollfd{out.read_end.get(), POLLIN, 0},
                                 pollfd{err.read_end.get(), POLLIN, 0}, pollfd{input.write_end.get(), POLLOUT, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) {
      throw TimedOut("end of " + command_line(arguments), options.timeout);
    }
    if (poll(polled.data(), polled.size(), static_cast<int>(left)) < 0 && errno != EINTR) {
      throw_errno("poll");
    }
    if (polled[3].revents != 0) {
      feed(input.write_end, unwritten);
    }
    drain(out.read_end, result.out);
    drain(err.read_end, result.err);
    if (polled[0].revents != 0) {
      // What it wrote last may have come after the reading above.
      drain(out.read_end, result.out);
      drain(err.read_end, result.err);
      result.status = child.wait();
      return result;
    }
  }
}

std::string output_of(const CommandResult& result, std::string_view what) {
  if (!result.succeeded()) {
    throw std::runtime_error(std::string(what) + " failed with status " + std::to_string(result.status) + ": " +
                             result.err + result.out);
  }
  std::string text = result.out;
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

std::string command_line(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) {
    line += (line.empty() ? "" : " ") + argument;
  }
  return line;
}

}  // namespace virtsession::test
