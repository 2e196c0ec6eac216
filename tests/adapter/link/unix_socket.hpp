// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/unique_fd.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>

namespace virtsession::test {

/// A socket whose file is at that path. \param listens otherwise clients are refused, as after it was closed
inline UniqueFd bind_socket(const std::string& path, bool listens) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  if (listens) REQUIRE(listen(fd.get(), 1) == 0);
  return fd;
}

}  // namespace virtsession::test
