// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/stale_socket.hpp"

#include "util/listening_sockets.hpp"
#include "util/log.hpp"
#include "util/unique_fd.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace virtsession {
namespace {

/// So long after its file was made, a daemon listens.
constexpr std::chrono::seconds kUntilListening(1);

/// 0: there is no socket.
ino_t socket_inode(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

bool is_new_file(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) < 0) return false;
  const auto made = std::chrono::seconds(status.st_ctim.tv_sec) + std::chrono::nanoseconds(status.st_ctim.tv_nsec);
  return std::chrono::abs(std::chrono::system_clock::now().time_since_epoch() - made) < kUntilListening;
}

void remove_socket(const std::string& path) {
  if (unlink(path.c_str()) == 0)
    log::warn("Removed {}, where nobody listens: libvirt's clients tried it first, and were refused", path);
  else
    log::warn("{} keeps libvirt's clients from their daemon, since nobody listens there; it cannot be removed: {}",
              path, std::strerror(errno));
}

}  // namespace

bool is_stale_socket(const std::string& path) {
  if (socket_inode(path) == 0) return false;
  const auto sockets = listening_sockets();
  if (!sockets || find_listening(*sockets, path)) return false;
  // Those of a sandbox with a network of its own are not among them. What systemd keeps is, and is not woken by this.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd && connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 &&
         errno == ECONNREFUSED;
}

StaleSocket::StaleSocket(EventLoop& loop) : again_(loop, [this] { look_again(); }) {}

void StaleSocket::look(const std::string& path) {
  const auto inode = socket_inode(path);
  if (inode != 0 && inode == inode_ && path == path_) return;  // it is looked at again soon
  inode_ = 0;
  again_.cancel();
  if (inode == 0 || !is_stale_socket(path)) return;
  if (!is_new_file(path)) return remove_socket(path);
  path_ = path;
  inode_ = inode;
  again_.set(EventLoop::Clock::now() + kUntilListening);
}

void StaleSocket::look_again() {
  const auto inode = std::exchange(inode_, 0);
  if (socket_inode(path_) == inode && is_stale_socket(path_)) remove_socket(path_);
}

}  // namespace virtsession
