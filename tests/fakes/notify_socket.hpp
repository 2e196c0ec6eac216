// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "support/temporary_folder.hpp"
#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace virtsession::test {

/// A socket in systemd's place; NOTIFY_SOCKET names it while it lives.
class NotifySocket {
 public:
  NotifySocket() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const std::string path = folder_ / "notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::strcpy(address.sun_path, path.c_str());
    REQUIRE(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~NotifySocket() { unsetenv("NOTIFY_SOCKET"); }

  /// What has been sent since the last call; sd_notify() has delivered when it returns.
  std::vector<std::string> received() {
    std::vector<std::string> texts;
    char buffer[1024];
    while (true) {
      const auto got = recv(socket_.get(), buffer, sizeof buffer, 0);
      if (got < 0) return texts;
      texts.emplace_back(buffer, static_cast<std::size_t>(got));
    }
  }

 private:
  TemporaryFolder folder_;
  UniqueFd socket_;
};

}  // namespace virtsession::test
