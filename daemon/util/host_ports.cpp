// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/host_ports.hpp"

#include "util/files.hpp"
#include "util/port_listeners.hpp"
#include "util/unique_fd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace virtsession {
namespace {

bool is_ipv6(const std::string& address) { return address.find(':') != std::string::npos; }

/// \return errno, or 0
int try_to_listen(const HostPort& host) {
  const bool v6 = is_ipv6(host.address), tcp = host.protocol == PortProtocol::tcp;
  const UniqueFd fd(socket(v6 ? AF_INET6 : AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  // As QEMU and passt do: a connection that has just ended is in nobody's way.
  const int on = 1;
  if (tcp) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (v6) {
    auto* const address = reinterpret_cast<sockaddr_in6*>(&storage);
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(host.port);
    inet_pton(AF_INET6, host.address.c_str(), &address->sin6_addr);
    size = sizeof *address;
  } else {
    auto* const address = reinterpret_cast<sockaddr_in*>(&storage);
    address->sin_family = AF_INET;
    address->sin_port = htons(host.port);
    inet_pton(AF_INET, host.address.c_str(), &address->sin_addr);
    size = sizeof *address;
  }
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0 ? 0 : errno;
}

std::string who_has(const HostPort& host) {
  const auto who = who_listens_at(host);
  return who.empty() ? "another program" : who;  // it has ended meanwhile
}

std::string first_free_for_all() {
  const auto text = read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  auto number = text && *text ? **text : std::string("1024");
  while (!number.empty() && number.back() == '\n') number.pop_back();
  return number;
}

}  // namespace

std::optional<PortTrouble> trouble_with(const HostPort& host) {
  switch (const int error = try_to_listen(host)) {
    case 0:
      return std::nullopt;
    case EADDRINUSE:
      return PortTrouble{who_has(host) + " has " + to_text(host)};
    case EADDRNOTAVAIL:
      return PortTrouble{"this machine does not have the address " + host.address};
    case EACCES:
      return PortTrouble{"only root may listen on ports below " + first_free_for_all() +
                             " (sysctl net.ipv4.ip_unprivileged_port_start)",
                         false};
    default:
      return PortTrouble{to_text(host) + ": " + std::generic_category().message(error)};
  }
}

}  // namespace virtsession
