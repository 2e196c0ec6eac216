// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/port_listeners.hpp"

#include "util/unique_fd.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace virtsession {
namespace {

/// A socket of this process on a port that the kernel chooses.
struct Bound {
  Bound(int family, int type) : fd(socket(family, type | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET)
      reinterpret_cast<sockaddr_in*>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
      reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr = in6addr_loopback;
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(family == AF_INET ? reinterpret_cast<sockaddr_in*>(&address)->sin_port
                                   : reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  }

  UniqueFd fd;
  std::uint16_t port = 0;
};

const std::string kThisProcess = "adapter_util (pid " + std::to_string(getpid()) + ")";

}  // namespace

TEST_CASE("Who listens at a TCP port is told by name, and nobody does who has only bound it") {
  const Bound bound(AF_INET, SOCK_STREAM);
  CHECK(who_listens_at({.port = bound.port}).empty());
  REQUIRE(listen(bound.fd.get(), 1) == 0);
  CHECK(who_listens_at({.port = bound.port}) == kThisProcess);
  CHECK(who_listens_at({.address = "0.0.0.0", .port = bound.port}) == kThisProcess);
  CHECK(who_listens_at({.address = "127.0.0.2", .port = bound.port}).empty());
  CHECK(who_listens_at({.port = bound.port, .protocol = PortProtocol::udp}).empty());
}

TEST_CASE("Who has a UDP port, or listens at one of IPv6") {
  const Bound udp(AF_INET, SOCK_DGRAM);
  CHECK(who_listens_at({.port = udp.port, .protocol = PortProtocol::udp}) == kThisProcess);
  const Bound six(AF_INET6, SOCK_STREAM);
  REQUIRE(listen(six.fd.get(), 1) == 0);
  CHECK(who_listens_at({.address = "::1", .port = six.port}) == kThisProcess);
  CHECK(who_listens_at({.address = "127.0.0.1", .port = six.port}).empty());
}

}  // namespace virtsession
