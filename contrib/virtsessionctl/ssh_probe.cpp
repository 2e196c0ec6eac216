// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ssh_probe.hpp"

#include <fcntl.h>
#include <linux/vm_sockets.h>  // needs the one above
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <thread>

namespace virtsession::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kGreeting = "SSH-";
constexpr std::chrono::milliseconds kNextByte{20};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress vsock_address(const SshEndpoint& endpoint) {
  SocketAddress address;
  sockaddr_vm vm{};
  vm.svm_family = AF_VSOCK;
  vm.svm_port = endpoint.port;
  const auto& text = endpoint.address;
  if (std::from_chars(text.data(), text.data() + text.size(), vm.svm_cid).ec != std::errc()) return address;
  std::memcpy(&address.storage, &vm, sizeof vm);
  address.size = sizeof vm;
  return address;
}

/// Of size 0 when the text is no address. Asks no name server.
SocketAddress socket_address(const SshEndpoint& endpoint) {
  if (endpoint.kind == SshEndpoint::Kind::vsock) return vsock_address(endpoint);
  SocketAddress address;
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  wanted.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &wanted, &found) != 0)
    return address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

bool wait_for(int fd, short events, Clock::time_point until) {
  pollfd one{fd, events, 0};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    const int ready = poll(&one, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

std::string error_text(int number) { return std::string("cannot be reached: ") + std::strerror(number); }

/// \return what is wrong, or nothing
std::string connect_to(int fd, const SocketAddress& address, Clock::time_point until) {
  if (connect(fd, address.get(), address.size) == 0) return {};
  if (errno != EINPROGRESS) return error_text(errno);
  if (!wait_for(fd, POLLOUT, until)) return "does not answer";
  int number = 0;
  socklen_t size = sizeof number;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size);
  return number == 0 ? std::string() : error_text(number);
}

/// Looks at the first bytes and leaves them there. \return what is wrong, or nothing
std::string greeting_of(int fd, Clock::time_point until) {
  std::array<char, kGreeting.size()> bytes{};
  while (wait_for(fd, POLLIN, until)) {
    const auto got = recv(fd, bytes.data(), bytes.size(), MSG_PEEK);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error_text(errno);
    if (got == 0) return "closes the connection without a word";
    const std::string_view text(bytes.data(), static_cast<std::size_t>(got));
    if (!kGreeting.starts_with(text)) return "answers, and is no sshd";
    if (text == kGreeting) return {};
    std::this_thread::sleep_for(kNextByte);  // what was only looked at is ready at once
  }
  return "does not answer";
}

bool write_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

/// Until the end of what can be read.
void copy(int from, int to) {
  std::array<char, 65536> bytes{};
  while (true) {
    const auto got = read(from, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || !write_all(to, bytes.data(), static_cast<std::size_t>(got))) return;
  }
}

}  // namespace

SshProbe probe_ssh(const SshEndpoint& endpoint, std::chrono::milliseconds patience) {
  const auto until = Clock::now() + patience;
  const auto address = socket_address(endpoint);
  if (address.size == 0) return {{}, "is no address"};
  UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return {{}, error_text(errno)};
  auto problem = connect_to(fd.get(), address, until);
  if (problem.empty()) problem = greeting_of(fd.get(), until);
  if (!problem.empty()) return {{}, problem};
  return {std::move(fd), {}};
}

void carry(const UniqueFd& connection) {
  const int fd = connection.get();
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  // Each way blocks by itself. This one is left behind when the other ends, and ends with the program.
  std::thread([fd] {
    copy(STDIN_FILENO, fd);
    shutdown(fd, SHUT_WR);
  }).detach();
  copy(fd, STDOUT_FILENO);
}

}  // namespace virtsession::ctl
