// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace virtsession {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// The addresses that need no look-up: of a numeric host ("192.0.2.1", "::1", "fe80::1%eth0"), and the loopback ones
/// for "localhost" (RFC 6761, section 6.3). Empty for a name. Never blocks. Any thread.
std::vector<SocketAddress> addresses_without_lookup(const std::string& host, std::uint16_t port);

/// getaddrinfo(3) for TCP; blocks for as long as the name services take. Empty when there is no address. Any thread.
std::vector<SocketAddress> look_up_addresses(const std::string& host, std::uint16_t port);

/// Looks names up in a few threads that live while there is something to look up: getaddrinfo(3) has no other way not
/// to block, and cannot be interrupted. So a thread may outlive the resolver; what it finds is then dropped.
/// Loop's thread only; the loop outlives it.
class NameResolver {
 public:
  using Lookup = std::function<std::vector<SocketAddress>(const std::string& host, std::uint16_t port)>;
  using Done = std::function<void(std::vector<SocketAddress>)>;

  /// \param lookup called in the threads, also after the resolver has gone
  NameResolver(EventLoop& loop, Lookup lookup);
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  /// Calls `done` on the loop, in a later pass, with what was found, unless `owner` is gone by then.
  /// \param done is destroyed on any thread, so it carries nothing that minds
  void resolve(const std::string& host, std::uint16_t port, std::weak_ptr<const void> owner, Done done);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace virtsession
