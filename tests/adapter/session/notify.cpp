// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/notify.hpp"

#include "support/temporary_folder.hpp"
#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace virtsession {
namespace {

using namespace std::chrono_literals;

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
  test::TemporaryFolder folder_;
  UniqueFd socket_;
};

TEST_CASE("systemd is told each state in its own words") {
  NotifySocket socket;
  Notify notify;
  notify.ready();
  notify.stopping();
  notify.reloading(std::chrono::steady_clock::time_point(1500us));
  notify.extend_timeout(2s);
  CHECK(socket.received() == std::vector<std::string>{"READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=1500",
                                                      "EXTEND_TIMEOUT_USEC=2000000"});
}

TEST_CASE("The status is sent when it changes, in one line") {
  NotifySocket socket;
  Notify notify;
  notify.status("2 of 3 VMs are running");
  notify.status("2 of 3 VMs are running");
  notify.status("All\nREADY=1");
  CHECK(socket.received() == std::vector<std::string>{"STATUS=2 of 3 VMs are running", "STATUS=All\\nREADY=1"});
}

TEST_CASE("Without systemd, or with a socket that is gone, nothing fails") {
  Notify notify;
  unsetenv("NOTIFY_SOCKET");
  notify.ready();
  setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
  notify.ready();
  notify.stopping();
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace virtsession
