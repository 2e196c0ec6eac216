// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "support/loop_until.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

namespace virtsession::test {

/// A socket whose owner accepts nothing and says nothing, as a stopped daemon behind a socket of systemd's.
class SilentDaemon {
 public:
  SilentDaemon() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd_, 16) == 0);
  }
  ~SilentDaemon() { end(); }
  SilentDaemon(const SilentDaemon&) = delete;
  SilentDaemon& operator=(const SilentDaemon&) = delete;

  std::string uri() const { return "qemu+unix:///session?socket=" + path(); }
  /// Waits until a client has connected.
  void wait_for_client() {
    pollfd listening{fd_, POLLIN, 0};
    REQUIRE(poll(&listening, 1, static_cast<int>(std::chrono::milliseconds(kDeadline).count())) == 1);
    clients_.push_back(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
  }
  /// As if it were killed: whoever waits for it gets an error.
  void end() {
    for (const int client : clients_) close(client);
    clients_.clear();
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  std::string path() const { return folder_ / "socket"; }

  TemporaryFolder folder_;
  int fd_;
  std::vector<int> clients_;
};

}  // namespace virtsession::test
