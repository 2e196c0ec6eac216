// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/proc.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

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

TEST_CASE("What is not there tells nothing") {
  CHECK(read_proc(getpid(), "comm") == "adapter_util\n");
  CHECK(read_proc(-1, "comm") == "");
  CHECK(is_ours(getpid()));
  CHECK_FALSE(is_ours(-1));
}

}  // namespace virtsession
