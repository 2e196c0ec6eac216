// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "readiness/name_resolver.hpp"
#include "util/event_loop.hpp"
#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace virtsession::test {

/// How a service, or the forwarder in front of it, treats a client.
enum class Manner {
  speaks,           ///< sends a greeting
  silent,           ///< sends nothing, and closes when the client has no more to say
  closes,           ///< closes at once, as a forwarder to a port that nobody listens on
  holds,            ///< keeps the connection whatever happens, as a forwarder to a guest that boots
  closes_then_not,  ///< by turns: closes when the client has no more to say, closes at once
};

/// A port of this host, on the test's loop. Reserved by the object; connections are refused until listen().
class TcpService {
 public:
  TcpService(EventLoop& loop, const std::string& address) : loop_(loop) {
    const auto addresses = addresses_without_lookup(address, 0);
    REQUIRE(addresses.size() == 1);
    SocketAddress here = addresses.front();
    fd_ = UniqueFd(socket(here.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    REQUIRE(bind(fd_.get(), here.get(), here.length) == 0);
    REQUIRE(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&here.storage), &here.length) == 0);
    port_ = here.storage.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(here.storage).sin6_port)
                                               : ntohs(reinterpret_cast<const sockaddr_in&>(here.storage).sin_port);
  }

  void listen(Manner how) {
    manner = how;
    REQUIRE(::listen(fd_.get(), 16) == 0);
    source_ = loop_.watch_io(fd_.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); });
  }

  std::uint16_t port() const { return port_; }

  Manner manner = Manner::speaks;
  int accepted = 0;
  int ended_by_client = 0;  ///< connections whose client had no more to say

 private:
  struct Connection {
    UniqueFd fd;
    EventSource source;
  };

  void accept_one() {
    UniqueFd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    const int number = accepted++;
    if (manner == Manner::closes || (manner == Manner::closes_then_not && number % 2 == 1)) return;
    if (manner == Manner::speaks) {
      const char greeting = '+';
      REQUIRE(send(fd.get(), &greeting, 1, MSG_NOSIGNAL) == 1);
    }
    auto source = loop_.watch_io(fd.get(), EPOLLIN, [this, number](std::uint32_t) {
      ++ended_by_client;
      if (manner == Manner::holds) {
        connections_.at(number).source.reset();
      } else {
        connections_.erase(number);
      }
    });
    connections_.emplace(number, Connection{std::move(fd), std::move(source)});
  }

  EventLoop& loop_;
  UniqueFd fd_;
  EventSource source_;
  std::uint16_t port_ = 0;
  std::map<int, Connection> connections_;
};

}  // namespace virtsession::test
