// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "files.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace virtsession::move {

/// So many more bytes have been sent.
using Sent = std::function<void(std::uint64_t bytes)>;

/// Copies a file, holes as holes, with another backing file's name in its header when `backing` is not empty. By
/// reflink where both sides are this user's and the file system can. It is on the disk when this returns. \param
/// to_path does not exist \return the ContentHash of what was sent
Result<std::uint64_t> copy_file(
    Files& from, const std::string& from_path, Files& to, const std::string& to_path, const std::string& backing,
    const Ownership* owner, const Sent& sent, const Created& created = [] { return Result<void>(); });

/// The ContentHash of what is there.
Result<std::uint64_t> hash_of(Files& files, const std::string& path);

/// `qemu-img check`, where it is installed. An error when it finds the image damaged; leaked clusters are no damage.
Result<void> check_image(const std::string& path);

}  // namespace virtsession::move
