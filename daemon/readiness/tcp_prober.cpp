// SPDX-License-Identifier: LGPL-2.1-or-later
#include "readiness/tcp_prober.hpp"

#include "util/unique_fd.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

using namespace std::chrono_literals;

constexpr auto kConnectTimeout = 2s;
constexpr auto kHoldTime = 500ms;
constexpr std::chrono::milliseconds kFirstRetry = 250ms;
constexpr std::chrono::milliseconds kLastProbeRetry = 2s;

constexpr auto kAskTime = 500ms;

struct Ends {
  bool one_host = false;    ///< both are on this host
  bool one_socket = false;  ///< and the same port
};

Ends ends_of(int fd) {
  SocketAddress here;
  SocketAddress there;
  here.length = there.length = sizeof(sockaddr_storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&here.storage), &here.length) < 0 ||
      getpeername(fd, reinterpret_cast<sockaddr*>(&there.storage), &there.length) < 0)
    return {};
  if (here.storage.ss_family == AF_INET6) {
    const auto& a = reinterpret_cast<const sockaddr_in6&>(here.storage);
    const auto& b = reinterpret_cast<const sockaddr_in6&>(there.storage);
    const bool one_host = std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
    return {one_host, one_host && a.sin6_port == b.sin6_port};
  }
  const auto& a = reinterpret_cast<const sockaddr_in&>(here.storage);
  const auto& b = reinterpret_cast<const sockaddr_in&>(there.storage);
  const bool same_address = a.sin_addr.s_addr == b.sin_addr.s_addr;
  // All of 127.0.0.0/8 is here, whatever address the kernel gives to our end.
  return {same_address || (ntohl(b.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET, same_address && a.sin_port == b.sin_port};
}

}  // namespace

/// The tries for one VM.
class TcpProber::Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(TcpProber& prober, std::string uuid, TcpProbe target)
      : prober_(prober),
        uuid_(std::move(uuid)),
        target_(std::move(target)),
        timer_(prober.loop_, [this] { timer_fired(); }) {}

  const TcpProbe& target() const { return target_; }

  void begin_round() {
    stage_ = Stage::resolving;
    next_address_ = 0;
    addresses_ = addresses_without_lookup(target_.host, target_.port);
    if (!addresses_.empty()) return try_next();
    // Anew in each round: a VM's name may come to life with the VM.
    prober_.resolver_.resolve(target_.host, target_.port, weak_from_this(), [this](std::vector<SocketAddress> found) {
      addresses_ = std::move(found);
      try_next();
    });
  }

 private:
  enum class Stage { resolving, connecting, holding, asking, pausing, answered };
  enum class Peer { silent, spoke, gone };

  void try_next() {
    confirming_ = false;
    while (next_address_ < addresses_.size())
      if (begin_connect(addresses_[next_address_++])) return;
    pause();
  }

  bool begin_connect(const SocketAddress& address) {
    drop_connection();
    fd_ = UniqueFd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd_) return false;
    if (connect(fd_.get(), address.get(), address.length) < 0 && errno != EINPROGRESS) return false;
    stage_ = Stage::connecting;
    io_ = prober_.loop_.watch_io(fd_.get(), EPOLLOUT, [this](std::uint32_t) { io_ready(); });
    timer_.set(EventLoop::Clock::now() + kConnectTimeout, 50ms);
    return true;
  }

  void io_ready() {
    if (stage_ == Stage::connecting) return connect_ended();
    if (const auto peer = look_at_peer(); peer != Peer::silent) judge(peer);
  }

  void connect_ended() {
    int error = 0;
    socklen_t length = sizeof error;
    // A connection to a local port that nobody listens on can meet itself, when the kernel picks that port as its own
    // (a simultaneous open, RFC 9293, section 3.5).
    if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0 || ends_of(fd_.get()).one_socket)
      return try_next();
    stage_ = Stage::holding;
    io_.reset();  // a descriptor has one watch
    io_ = prober_.loop_.watch_io(fd_.get(), EPOLLIN | EPOLLRDHUP, [this](std::uint32_t) { io_ready(); });
    timer_.set(EventLoop::Clock::now() + kHoldTime);
  }

  Peer look_at_peer() const {
    char first = 0;
    const auto got = recv(fd_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0) return Peer::spoke;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? Peer::silent : Peer::gone;
  }

  void judge(Peer peer) {
    if (peer == Peer::spoke) return answered();
    if (stage_ == Stage::holding) {
      if (peer == Peer::gone) return try_next();
      if (!ends_of(fd_.get()).one_host) return answered();  // the VM's own kernel has accepted
      return ask();
    }
    if (peer == Peer::silent) return try_next();
    // It closed in answer, or a guest that has just come up refused: that one refuses the next at once.
    if (confirming_) return answered();
    confirming_ = true;
    if (!begin_connect(addresses_[next_address_ - 1])) try_next();
  }

  /// A forwarder on this host accepts at once, and keeps the connection while it waits for a guest that boots: passt
  /// for 10 s, slirp for longer. What is behind it shows in the answer to an end of data, which only a service gives: a
  /// server closes then, as it does for any client that leaves.
  void ask() {
    shutdown(fd_.get(), SHUT_WR);
    stage_ = Stage::asking;
    timer_.set(EventLoop::Clock::now() + kAskTime);
  }

  void answered() {
    drop_connection();
    stage_ = Stage::answered;
    // Not from here: the owner may take this probe back, and everything with it.
    prober_.loop_.post(weak_from_this(), [this] {
      const auto ready = prober_.ready_;
      ready(uuid_);
    });
  }

  void pause() {
    drop_connection();
    stage_ = Stage::pausing;
    timer_.set(EventLoop::Clock::now() + retry_, 50ms);
    retry_ = std::min(2 * retry_, kLastProbeRetry);
  }

  void timer_fired() {
    switch (stage_) {
      case Stage::connecting:
        return try_next();
      case Stage::holding:
      case Stage::asking:
        return judge(look_at_peer());
      case Stage::pausing:
        return begin_round();
      case Stage::resolving:
      case Stage::answered:
        break;
    }
  }

  void drop_connection() {
    timer_.cancel();
    io_.reset();
    fd_.reset();
  }

  TcpProber& prober_;
  const std::string uuid_;
  const TcpProbe target_;
  Stage stage_ = Stage::resolving;
  std::vector<SocketAddress> addresses_;
  std::size_t next_address_ = 0;
  bool confirming_ = false;  // the second connection to an address
  std::chrono::milliseconds retry_ = kFirstRetry;
  UniqueFd fd_;
  EventSource io_;  // goes before the descriptor it watches
  Timer timer_;
};

TcpProber::TcpProber(EventLoop& loop, Ready ready, NameResolver::Lookup lookup)
    : loop_(loop), ready_(std::move(ready)), resolver_(loop, std::move(lookup)) {}

TcpProber::~TcpProber() = default;

void TcpProber::want(const std::map<std::string, TcpProbe>& wanted) {
  std::erase_if(probes_, [&](const auto& entry) {
    const auto same = wanted.find(entry.first);
    return same == wanted.end() || same->second != entry.second->target();
  });
  for (const auto& [uuid, target] : wanted) {
    const auto [entry, is_new] = probes_.try_emplace(uuid);
    if (!is_new) continue;
    entry->second = std::make_shared<Probe>(*this, uuid, target);
    entry->second->begin_round();
  }
}

}  // namespace virtsession
