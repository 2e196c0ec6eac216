// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/host_ports.hpp"

#include "core/list_text.hpp"
#include "util/files.hpp"
#include "util/proc.hpp"
#include "util/unique_fd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

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

/// Of proc_net_tcp(5): "0100007F:08AE", each 32 bits in the machine's order.
std::optional<HostPort> parse_local(const std::string& text, PortProtocol protocol) {
  const auto colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  std::array<std::uint32_t, 4> words{};
  for (std::size_t i = 0; i < colon / 8; ++i)
    std::from_chars(text.data() + 8 * i, text.data() + 8 * i + 8, words.at(i), 16);
  std::array<char, INET6_ADDRSTRLEN> address{};
  if (!inet_ntop(colon == 8 ? AF_INET : AF_INET6, words.data(), address.data(), address.size())) return std::nullopt;
  HostPort host{address.data(), 0, protocol};
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), host.port, 16);
  return host;
}

/// The inodes of the sockets that are in the way.
std::set<std::string> sockets_at(const HostPort& host) {
  const bool tcp = host.protocol == PortProtocol::tcp;
  std::set<std::string> inodes;
  for (const char* const file : {tcp ? "/proc/net/tcp" : "/proc/net/udp", tcp ? "/proc/net/tcp6" : "/proc/net/udp6"}) {
    const auto text = read_file(file);
    if (!text || !*text) continue;
    std::istringstream lines(**text);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      const auto there = parse_local(local, host.protocol);
      const bool listens = !tcp || state == "0A";
      if (there && listens && overlap(*there, host)) inodes.insert("socket:[" + inode + "]");
    }
  }
  return inodes;
}

bool has_socket(const std::filesystem::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(process / "fd", error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (sockets.contains(std::filesystem::read_symlink(entry->path(), ignored).string())) return true;
  }
  return false;
}

/// "sshd (pid 12)"; a QEMU by the VM that it runs.
std::string process_text(pid_t pid) {
  const auto with_pid = " (pid " + std::to_string(pid) + ")";
  const auto command = read_proc(pid, "cmdline");
  constexpr std::string_view kGuest("-name\0guest=", 12);  // as libvirt calls QEMU
  if (const auto at = command.find(kGuest); at != std::string::npos) {
    const auto begin = at + kGuest.size();
    return "VM " + in_quotes(command.substr(begin, command.find_first_of(std::string_view(",\0", 2), begin) - begin)) +
           with_pid;
  }
  auto name = read_proc(pid, "comm");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name + with_pid;
}

std::string who_has(const HostPort& host) {
  const auto sockets = sockets_at(host);
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && !sockets.empty() && entry != end;
       entry.increment(error)) {
    const auto name = entry->path().filename().string();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (has_socket(entry->path(), sockets)) return process_text(pid);
  }
  return "a program of another user";
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
