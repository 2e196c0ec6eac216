// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/manager_instance.hpp"

#include "util/paths.hpp"
#include "util/proc.hpp"
#include "util/unique_fd.hpp"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <cstring>
#include <optional>

namespace virtsession {
namespace {

/// SO_PEERCRED of a socket is of the process that listens, unix(7). \return 0 when nobody does
pid_t listener(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return 0;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return 0;
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? 0 : peer.pid;
}

}  // namespace

std::string user_manager_instance() {
  const auto pid = listener(runtime_dir() + "/systemd/private");
  const auto started = pid > 0 ? start_ticks(pid) : std::nullopt;
  return started ? std::to_string(pid) + "-" + std::to_string(*started) : std::string();
}

}  // namespace virtsession
