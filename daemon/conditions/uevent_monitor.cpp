// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conditions/uevent_monitor.hpp"

#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace virtsession {

namespace {

constexpr std::uint32_t kKernelGroup = 1;  // udev's own messages are in group 2
// The kernel composes a message in a buffer of 2048 bytes (UEVENT_BUFFER_SIZE) behind a device path.
constexpr std::size_t kMessageLimit = 8192;

}  // namespace

bool is_uevent_of(std::string_view message, std::string_view subsystem) {
  constexpr std::string_view kKey = "SUBSYSTEM=";
  while (!message.empty()) {
    const auto field = message.substr(0, message.find('\0'));
    if (field.starts_with(kKey)) return field.substr(kKey.size()) == subsystem;
    message.remove_prefix(std::min(field.size() + 1, message.size()));
  }
  return false;
}

UeventMonitor::UeventMonitor(EventLoop& loop, std::string subsystem, Handler changed)
    : subsystem_(std::move(subsystem)),
      changed_(std::move(changed)),
      fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)) {
  if (!fd_) throw std::system_error(errno, std::generic_category(), "Failed to make a netlink socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kKernelGroup;
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    throw std::system_error(errno, std::generic_category(), "Failed to listen to the kernel's uevents");
  source_ = loop.watch_io(fd_.get(), EPOLLIN, [this](std::uint32_t) { receive(); });
}

void UeventMonitor::receive() {
  bool relevant = false;
  // Not without end: a busy kernel must not keep timers waiting. What is left comes in the next pass.
  for (int messages = 0; messages < 64; ++messages) {
    std::array<char, kMessageLimit> buffer;
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const auto got =
        recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&sender), &length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {  // messages were lost: any of them may have been ours
      relevant = true;
      continue;
    }
    if (got < 0) break;
    // Another process may write to this socket, too: only the kernel has port 0.
    if (sender.nl_pid != 0) continue;
    relevant = relevant || is_uevent_of({buffer.data(), static_cast<std::size_t>(got)}, subsystem_);
  }
  if (!relevant) return;
  const auto changed = changed_;  // it may destroy this
  changed();
}

}  // namespace virtsession
