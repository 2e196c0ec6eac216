// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/mount_namespace.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>

namespace virtsession::test {

namespace {

void check(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

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
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
}

void mount_tmpfs(const std::string& path, unsigned kilobytes) {
  const std::string options = "size=" + std::to_string(kilobytes) + "k,mode=0700";
  check(mount("tmpfs", path.c_str(), "tmpfs", 0, options.c_str()), "Failed to mount a tmpfs on " + path);
}

void bind_mount(const std::string& from, const std::string& to) {
  check(mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr), "Failed to bind " + from + " to " + to);
}

void unmount(const std::string& path) { check(umount2(path.c_str(), 0), "Failed to unmount " + path); }

void remount_nosuid(const std::string& path) {
  check(mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_NOSUID, nullptr), "Failed to remount " + path);
}

}  // namespace virtsession::test
