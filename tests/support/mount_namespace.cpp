// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/mount_namespace.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace virtsession::test {

namespace {

void check(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

constexpr const char* kInside = "VIRTSESSION_TEST_IN_MOUNT_NAMESPACE";

/// For doctest, to which a comma ends a name.
std::string filter_for(const std::string& test_case) {
  std::string filter = "--test-case=";
  for (const char c : test_case) {
    if (c == ',' || c == '\\') filter += '\\';
    filter += c;
  }
  return filter;
}

void check_ended_well(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
}

}  // namespace

void in_mount_namespace_of_new_program(const std::function<void()>& body) {
  if (std::getenv(kInside)) return body();
  auto filter = filter_for(doctest::getContextOptions()->currentTest->m_name);
  std::string program = "/proc/self/exe", flag = std::string(kInside) + "=1";
  std::vector<char*> arguments{program.data(), filter.data(), nullptr}, environment;
  for (char** variable = environ; *variable; ++variable) environment.push_back(*variable);
  environment.push_back(flag.data());
  environment.push_back(nullptr);
  std::fflush(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // until execve() nothing that takes a lock
    if (unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0)
      execve(program.c_str(), arguments.data(), environment.data());
    _exit(127);
  }
  check_ended_well(child);
}

void in_mount_namespace(const std::function<void()>& body) {
  std::fflush(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int status = 0;
    try {
      check(unshare(CLONE_NEWNS), "Failed to make a mount namespace");
      check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "Failed to keep mounts private");
      body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "In the child process: %s\n", error.what());
      status = 1;
    } catch (...) {
      status = 1;  // of a failed REQUIRE, which has been printed
    }
    std::fflush(nullptr);
    _exit(status);
  }
  check_ended_well(child);
}

void mount_tmpfs(const std::string& path, unsigned kilobytes) {
  const std::string options = "size=" + std::to_string(kilobytes) + "k,mode=0700";
  check(mount("tmpfs", path.c_str(), "tmpfs", 0, options.c_str()), "Failed to mount a tmpfs on " + path);
}

void bind_mount(const std::string& from, const std::string& to) {
  check(mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr), "Failed to bind " + from + " to " + to);
}

void unmount(const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  int result = 0;
  // A mount is busy while a thread looks at it, as the watcher under test does now and then.
  while ((result = umount2(path.c_str(), 0)) < 0 && errno == EBUSY && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  check(result, "Failed to unmount " + path);
}

void remount_nosuid(const std::string& path) {
  check(mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_NOSUID, nullptr), "Failed to remount " + path);
}

}  // namespace virtsession::test
