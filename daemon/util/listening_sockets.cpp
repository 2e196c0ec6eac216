// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/listening_sockets.hpp"

#include "util/files.hpp"
#include "util/unique_fd.hpp"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <sstream>

namespace virtsession {
namespace {

constexpr std::uint32_t kListening = 10;  // TCP_LISTEN, which all protocols use for it

struct Request {
  nlmsghdr header;
  unix_diag_req body;
};

bool ask(int fd) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = 1U << kListening;
  request.body.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS;
  return send(fd, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request);
}

// The kernel's own form of a device number, not that of stat(2).
std::uint64_t device_number(std::uint32_t kernel) { return makedev(kernel >> 20, kernel & 0xfffff); }

template <class T>
T read_as(const char* data) {
  T value;
  std::memcpy(&value, data, sizeof value);
  return value;
}

/// One answer: a unix_diag_msg and its attributes.
ListeningSocket parse_answer(const char* data, std::size_t size) {
  ListeningSocket socket;
  if (size < sizeof(unix_diag_msg)) return socket;
  socket.inode = read_as<unix_diag_msg>(data).udiag_ino;
  for (std::size_t at = NLMSG_ALIGN(sizeof(unix_diag_msg)); at + sizeof(nlattr) <= size;) {
    const auto attribute = read_as<nlattr>(data + at);
    if (attribute.nla_len < sizeof(nlattr) || at + attribute.nla_len > size) break;
    const char* const value = data + at + NLA_HDRLEN;
    const std::size_t length = attribute.nla_len - static_cast<std::size_t>(NLA_HDRLEN);
    if (attribute.nla_type == UNIX_DIAG_NAME) socket.path.assign(value, strnlen(value, length));
    if (attribute.nla_type == UNIX_DIAG_VFS && length >= sizeof(unix_diag_vfs)) {
      const auto file = read_as<unix_diag_vfs>(value);
      socket.file_device = device_number(file.udiag_vfs_dev);
      socket.file_inode = file.udiag_vfs_ino;
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  return socket;
}

std::optional<std::vector<ListeningSocket>> ask_kernel() {
  const UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return std::nullopt;
  const timeval limit{1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (!ask(fd.get())) return std::nullopt;
  std::vector<ListeningSocket> sockets;
  alignas(nlmsghdr) std::array<char, 32768> buffer{};
  while (true) {
    const auto got = recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return std::nullopt;
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= static_cast<std::size_t>(got);) {
      const auto header = read_as<nlmsghdr>(buffer.data() + at);
      if (header.nlmsg_len < sizeof(nlmsghdr) || at + header.nlmsg_len > static_cast<std::size_t>(got)) break;
      if (header.nlmsg_type == NLMSG_DONE) return sockets;
      if (header.nlmsg_type == NLMSG_ERROR) return std::nullopt;
      sockets.push_back(parse_answer(buffer.data() + at + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN));
      at += NLMSG_ALIGN(header.nlmsg_len);
    }
  }
}

// "Num RefCount Protocol Flags Type St Inode Path"
std::optional<std::vector<ListeningSocket>> read_proc_net() {
  const auto text = read_file("/proc/net/unix");
  if (!text || !*text) return std::nullopt;
  constexpr std::uint32_t kAccepts = 1U << 16;  // __SO_ACCEPTCON
  std::vector<ListeningSocket> sockets;
  std::istringstream lines(**text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word, flags_text, inode_text, path;
    words >> word >> word >> word >> flags_text >> word >> word >> inode_text >> path;
    std::uint32_t flags = 0;
    ListeningSocket socket;
    std::from_chars(flags_text.data(), flags_text.data() + flags_text.size(), flags, 16);
    std::from_chars(inode_text.data(), inode_text.data() + inode_text.size(), socket.inode);
    socket.path = path;
    if ((flags & kAccepts) != 0) sockets.push_back(socket);
  }
  return sockets;
}

}  // namespace

std::optional<std::vector<ListeningSocket>> listening_sockets() {
  if (auto sockets = ask_kernel()) return sockets;
  return read_proc_net();
}

const ListeningSocket* find_listening(const std::vector<ListeningSocket>& sockets, const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) < 0) return nullptr;
  const auto is_bound = [&](const ListeningSocket& socket) {
    if (!socket.file_device) return socket.path == path;
    return *socket.file_device == file.st_dev && socket.file_inode == static_cast<std::uint32_t>(file.st_ino);
  };
  const auto found = std::ranges::find_if(sockets, is_bound);
  return found == sockets.end() ? nullptr : &*found;
}

}  // namespace virtsession
