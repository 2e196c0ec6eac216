// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/notify.hpp"

#include "fakes/notify_socket.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace virtsession {
namespace {

using namespace std::chrono_literals;

using test::NotifySocket;

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
