// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/proc.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>

namespace virtsession {

TEST_CASE("A process's unit is the innermost scope or service of its control group") {
  const std::pair<const char*, const char*> groups[] = {
      {"0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope"},
      {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-virt\\x2dmanager-12.scope\n",
       "app-virt\\x2dmanager-12.scope"},
      {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope/vcpu0\n", "app-x.scope"},
      {"0::/system.slice/cockpit.service/payload/child\n", "cockpit.service"},
      {"12:pids:/x.service\n1:name=systemd:/user.slice/a.scope\n0::/user.slice/a.scope\n", "a.scope"},
      {"9:name=systemd:/system.slice/libvirtd.service\n4:memory:/x.scope\n0::/\n", "libvirtd.service"},
      {"1:name=systemd:/\n0::/user.slice/a.scope\n", "a.scope"},
      {"0::/\n", ""},
      {"0::/a/b.slice\n", ""},
      {"garbage", ""},
      {"", ""},
  };
  for (const auto& [content, unit] : groups) {
    const std::string text = content;
    CAPTURE(text);
    CHECK(unit_of_cgroup(text) == unit);
  }
  CHECK(unit_of(getpid()) == unit_of(getppid()));
  CHECK(unit_of(-1) == "");
}

TEST_CASE("When a process was started") {
  const auto wall = [] {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  };
  constexpr std::uint64_t kTick = 10'000;  // CLK_TCK is 100 on Linux
  const auto before = wall();
  const auto child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const auto started = started_usec(child);
  CHECK(started + kTick >= before);
  CHECK(started <= wall() + kTick);
  CHECK(start_ticks(child) > start_ticks(1));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK_FALSE(start_ticks(child));
  CHECK(started_usec(child) == 0);
}

TEST_CASE("What is not there tells nothing") {
  CHECK(read_proc(getpid(), "comm") == "adapter_util\n");
  CHECK(read_proc(-1, "comm") == "");
  CHECK(is_ours(getpid()));
  CHECK_FALSE(is_ours(-1));
}

}  // namespace virtsession
