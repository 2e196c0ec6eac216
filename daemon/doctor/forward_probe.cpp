// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/forward_probe.hpp"

#include "util/unique_fd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>

namespace virtsession {
namespace {

using Clock = std::chrono::steady_clock;

class Probe {
 public:
  explicit Probe(const HostPort& port) {
    if (port.protocol == PortProtocol::tcp) connect_to(port);
    if (!fd_) answer_ = ForwardAnswer::unknown;
  }

  bool ended() const { return answer_.has_value(); }
  ForwardAnswer answer() const { return answer_.value_or(connected_ ? ForwardAnswer::silent : ForwardAnswer::unknown); }
  pollfd wanted() const { return {fd_.get(), static_cast<short>(connected_ ? POLLIN : POLLOUT), 0}; }

  void on_event() {
    if (!connected_) {
      int error = 0;
      socklen_t size = sizeof error;
      if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
      return on_connected(error);
    }
    char byte = 0;
    const auto got = recv(fd_.get(), &byte, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    answer_ = got > 0 ? ForwardAnswer::speaks : ForwardAnswer::closed;
  }

 private:
  void connect_to(const HostPort& port) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    // Who listens on every address listens on the one of this host, too.
    const std::string address = port.address == "0.0.0.0" ? "127.0.0.1" : port.address == "::" ? "::1" : port.address;
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    v4.sin_port = v6.sin6_port = htons(port.port);
    const bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1) return;
    fd_ = UniqueFd(socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) return;
    const int answer = is_v4 ? connect(fd_.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4)
                             : connect(fd_.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
    if (answer == 0 || errno != EINPROGRESS) on_connected(answer == 0 ? 0 : errno);
  }

  void on_connected(int error) {
    if (error == 0)
      connected_ = true;
    else
      answer_ = error == ECONNREFUSED ? ForwardAnswer::refused : ForwardAnswer::unknown;
  }

  UniqueFd fd_;
  bool connected_ = false;
  std::optional<ForwardAnswer> answer_;
};

}  // namespace

std::vector<ForwardAnswer> probe_forwards(const std::vector<HostPort>& ports, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  std::vector<Probe> probes;
  probes.reserve(ports.size());
  for (const auto& port : ports) probes.emplace_back(port);
  while (true) {
    std::vector<pollfd> wanted;
    std::vector<std::size_t> whose;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      if (probes[i].ended()) continue;
      wanted.push_back(probes[i].wanted());
      whose.push_back(i);
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (wanted.empty() || left <= 0) break;
    if (poll(wanted.data(), wanted.size(), static_cast<int>(left)) < 0 && errno != EINTR) break;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i].revents != 0) probes[whose[i]].on_event();
  }
  std::vector<ForwardAnswer> answers;
  answers.reserve(probes.size());
  for (const auto& probe : probes) answers.push_back(probe.answer());
  return answers;
}

}  // namespace virtsession
