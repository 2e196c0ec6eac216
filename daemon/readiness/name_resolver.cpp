// SPDX-License-Identifier: LGPL-2.1-or-later
#include "readiness/name_resolver.hpp"

#include "util/thread.hpp"
#include "util/unique_c_ptr.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

namespace virtsession {

namespace {

// One slow name must not hold up the others for long; more threads than this would only make the name server busy.
constexpr unsigned kThreadLimit = 4;

std::vector<SocketAddress> get_addresses(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return {};
  const UniqueCPtr<addrinfo, freeaddrinfo> owned(list);
  std::vector<SocketAddress> addresses;
  for (const auto* entry = list; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace

std::vector<SocketAddress> addresses_without_lookup(const std::string& host, std::uint16_t port) {
  if (host != "localhost") return get_addresses(host, port, AI_NUMERICHOST);
  auto addresses = get_addresses("127.0.0.1", port, AI_NUMERICHOST);
  for (auto& address : get_addresses("::1", port, AI_NUMERICHOST)) addresses.push_back(address);
  return addresses;
}

std::vector<SocketAddress> look_up_addresses(const std::string& host, std::uint16_t port) {
  return get_addresses(host, port, 0);
}

struct NameResolver::Shared {
  struct Job {
    std::string host;
    std::uint16_t port = 0;
    std::weak_ptr<const void> owner;
    Done done;
  };

  explicit Shared(Lookup how) : lookup(std::move(how)) {}

  const Lookup lookup;
  std::mutex mutex;
  EventLoop* loop = nullptr;  // until the resolver goes
  std::deque<Job> queue;
  unsigned threads = 0;

  /// The body of every thread.
  void work() {
    std::unique_lock lock(mutex);
    while (loop != nullptr && !queue.empty()) {
      auto job = std::move(queue.front());
      queue.pop_front();
      if (job.owner.expired()) continue;
      lock.unlock();
      std::vector<SocketAddress> found;
      try {
        found = lookup(job.host, job.port);
      } catch (const std::exception&) {
        // Out of memory, say: the same as a name without addresses.
      }
      lock.lock();
      if (loop != nullptr) answer(std::move(job), std::move(found));
    }
    --threads;
  }

  void answer(Job job, std::vector<SocketAddress> found) {
    loop->post(std::move(job.owner), [done = std::move(job.done), found = std::move(found)] { done(found); });
  }
};

NameResolver::NameResolver(EventLoop& loop, Lookup lookup) : shared_(std::make_shared<Shared>(std::move(lookup))) {
  shared_->loop = &loop;
}

NameResolver::~NameResolver() {
  std::deque<Shared::Job> dropped;
  const std::lock_guard lock(shared_->mutex);
  shared_->loop = nullptr;
  dropped.swap(shared_->queue);
}

void NameResolver::resolve(const std::string& host, std::uint16_t port, std::weak_ptr<const void> owner, Done done) {
  const std::lock_guard lock(shared_->mutex);
  shared_->queue.push_back({host, port, std::move(owner), std::move(done)});
  if (shared_->threads == kThreadLimit) return;
  try {
    start_thread("resolver", [shared = shared_] { shared->work(); }).detach();
    ++shared_->threads;
  } catch (const std::system_error&) {
    // With other threads at work it only takes longer.
    if (shared_->threads > 0) return;
    auto job = std::move(shared_->queue.back());
    shared_->queue.pop_back();
    shared_->answer(std::move(job), {});
  }
}

}  // namespace virtsession
