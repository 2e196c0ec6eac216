// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/forward_probe.hpp"

#include "util/unique_fd.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>
#include <vector>

namespace virtsession::test {
namespace {

using std::chrono::milliseconds;

/// Listens at a port of this host, which the kernel chooses.
struct Service {
  explicit Service(bool listens = true) : fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE((!listens || listen(fd.get(), 4) == 0));
    REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port.port = ntohs(address.sin_port);
  }

  UniqueFd fd;
  HostPort port;
};

}  // namespace

TEST_CASE("What comes of a connection to a port that leads to a guest, all of them in one time") {
  const Service speaks, silent, closes, nobody(false);
  std::thread guests([&] {
    const UniqueFd talking(accept(speaks.fd.get(), nullptr, nullptr));
    static_cast<void>(send(talking.get(), "SSH-2.0", 7, MSG_NOSIGNAL));
    const UniqueFd closing(accept(closes.fd.get(), nullptr, nullptr));
  });
  HostPort everywhere = speaks.port;
  everywhere.address = "0.0.0.0";
  const HostPort datagrams{.port = silent.port.port, .protocol = PortProtocol::udp};
  const auto begin = std::chrono::steady_clock::now();
  const auto answers =
      probe_forwards({everywhere, silent.port, closes.port, nobody.port, datagrams}, milliseconds(1500));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  guests.join();
  CHECK(answers == std::vector{ForwardAnswer::speaks, ForwardAnswer::silent, ForwardAnswer::closed,
                               ForwardAnswer::refused, ForwardAnswer::unknown});
}

}  // namespace virtsession::test
