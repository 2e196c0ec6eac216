// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace virtsession::move {

/// XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md): tells a damaged copy from a whole one, at memory's speed.
/// Against somebody who wants to deceive it is nothing.
std::uint64_t xxh64(std::string_view data, std::uint64_t seed = 0);

/// The checksum of a file's content that does not depend on which of its zeros are holes. Pieces come in order; what
/// lies between them is zero.
class ContentHash {
 public:
  void add(std::uint64_t offset, std::string_view data);
  /// \param size of the whole file
  std::uint64_t finish(std::uint64_t size);

 private:
  void end_block();

  static constexpr std::size_t kBlock = std::size_t{64} * 1024;
  std::string block_ = std::string(kBlock, '\0');
  std::uint64_t index_ = 0;
  bool is_dirty_ = false;
  std::uint64_t hash_ = 0;
};

}  // namespace virtsession::move
