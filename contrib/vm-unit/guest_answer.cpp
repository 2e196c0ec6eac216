// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_answer.hpp"

#include "util/unique_fd.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

namespace virtsession {
namespace {

using std::chrono::milliseconds;

/// A guest that refuses does it sooner.
constexpr milliseconds kRefusalTakes{300};
/// A service ends a connection sooner that its client has ended.
constexpr milliseconds kEndTakes{2000};
constexpr milliseconds kBetween{250};

enum class Reply { refused, silent, ended, spoken };

struct FreeAddress {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

bool is_readable(int fd, milliseconds at_most) {
  pollfd poll_fd{fd, POLLIN, 0};
  return poll(&poll_fd, 1, static_cast<int>(at_most.count())) > 0;
}

/// What there is to be read from it.
Reply read_from(int fd) {
  char byte = 0;
  const auto got = recv(fd, &byte, 1, 0);
  return got > 0 ? Reply::spoken : got == 0 ? Reply::ended : Reply::refused;
}

Reply try_once(const addrinfo& address) {
  const UniqueFd fd(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) return Reply::refused;
  if (is_readable(fd.get(), kRefusalTakes))
    return read_from(fd.get()) == Reply::spoken ? Reply::spoken : Reply::refused;
  shutdown(fd.get(), SHUT_WR);
  return is_readable(fd.get(), kEndTakes) ? read_from(fd.get()) : Reply::silent;
}

}  // namespace

bool wait_for_guest(const std::string& address, std::uint16_t port, milliseconds at_most) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return false;
  const std::unique_ptr<addrinfo, FreeAddress> found(list);
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  int ended = 0;
  while (true) {
    const auto reply = try_once(*found);
    if (reply == Reply::spoken) return true;
    ended = reply == Reply::ended ? ended + 1 : 0;
    if (ended == 2) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    if (reply == Reply::refused) std::this_thread::sleep_for(kBetween);
  }
}

}  // namespace virtsession
