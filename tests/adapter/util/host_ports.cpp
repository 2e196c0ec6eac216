// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/host_ports.hpp"

#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace virtsession {

namespace {

/// A socket on any free port, and that port.
UniqueFd bound(bool tcp, std::uint32_t address, std::uint16_t& port) {
  UniqueFd fd(socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(address);
  socklen_t size = sizeof here;
  REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), size) == 0);
  if (tcp) REQUIRE(listen(fd.get(), 1) == 0);
  REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&here), &size) == 0);
  port = ntohs(here.sin_port);
  return fd;
}

}  // namespace

TEST_CASE("A port that a program has is known by its name and pid, on whatever address it listens") {
  const auto me = " (pid " + std::to_string(getpid()) + ") has ";
  for (const auto protocol : {PortProtocol::tcp, PortProtocol::udp}) {
    for (const std::uint32_t address : {INADDR_LOOPBACK, INADDR_ANY}) {
      std::uint16_t port = 0;
      auto fd = bound(protocol == PortProtocol::tcp, address, port);
      for (const char* const wanted : {"127.0.0.1", "0.0.0.0"}) {
        const HostPort host{wanted, port, protocol};
        const auto trouble = trouble_with(host);
        REQUIRE(trouble);
        CHECK(trouble->text.find(me + to_text(host)) != std::string::npos);
        CHECK(trouble->may_pass);
      }
      fd = UniqueFd();
      CHECK_FALSE(trouble_with({"127.0.0.1", port, protocol}));
    }
  }
}

TEST_CASE("An address that this machine does not have is said, and may come") {
  const auto trouble = trouble_with({"192.0.2.77", 45678, PortProtocol::tcp});
  REQUIRE(trouble);
  CHECK(trouble->text == "this machine does not have the address 192.0.2.77");
  CHECK(trouble->may_pass);
}

}  // namespace virtsession
