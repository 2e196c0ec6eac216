// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// A unix socket that somebody listens at, in this network namespace.
struct ListeningSocket {
  std::string path;                          ///< as it was bound
  std::uint32_t inode = 0;                   ///< of the socket, as in /proc/PID/fd
  std::optional<std::uint64_t> file_device;  ///< of the file it is bound to; nothing where the kernel does not tell
  std::uint32_t file_inode = 0;              ///< its low 32 bits
};

/// All of them, without connecting to any: a connection would start what systemd has socket-activated. From the kernel
/// by sock_diag(7), or else from /proc/net/unix, without the files. Blocks shortly. \return nothing when neither
/// answers
std::optional<std::vector<ListeningSocket>> listening_sockets();

/// The socket that is bound to the file at `path`, or null. A file that was replaced is not the one it is bound to.
const ListeningSocket* find_listening(const std::vector<ListeningSocket>& sockets, const std::string& path);

}  // namespace virtsession
