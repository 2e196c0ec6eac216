// SPDX-License-Identifier: LGPL-2.1-or-later
#include "content_hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace virtsession::move {
namespace {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F, kPrime3 = 0x165667B19E3779F9,
                        kPrime4 = 0x85EBCA77C2B2AE63, kPrime5 = 0x27D4EB2F165667C5;

template <class T>
std::uint64_t little_endian(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) {
    std::uint64_t swapped = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) swapped |= std::uint64_t{static_cast<unsigned char>(at[i])} << 8 * i;
    return swapped;
  }
  return value;
}

std::uint64_t round(std::uint64_t lane, std::uint64_t input) { return std::rotl(lane + input * kPrime2, 31) * kPrime1; }

std::uint64_t merge(std::uint64_t hash, std::uint64_t lane) { return (hash ^ round(0, lane)) * kPrime1 + kPrime4; }

}  // namespace

std::uint64_t xxh64(std::string_view data, std::uint64_t seed) {
  const char *at = data.data(), *const end = at + data.size();
  std::uint64_t hash = seed + kPrime5;
  if (data.size() >= 32) {
    std::array<std::uint64_t, 4> lanes{seed + kPrime1 + kPrime2, seed + kPrime2, seed, seed - kPrime1};
    for (; end - at >= 32; at += 32)
      for (std::size_t i = 0; i < 4; ++i) lanes[i] = round(lanes[i], little_endian<std::uint64_t>(at + 8 * i));
    hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
    for (const auto lane : lanes) hash = merge(hash, lane);
  }
  hash += data.size();
  for (; end - at >= 8; at += 8)
    hash = std::rotl(hash ^ round(0, little_endian<std::uint64_t>(at)), 27) * kPrime1 + kPrime4;
  for (; end - at >= 4; at += 4)
    hash = std::rotl(hash ^ little_endian<std::uint32_t>(at) * kPrime1, 23) * kPrime2 + kPrime3;
  for (; at < end; ++at) hash = std::rotl(hash ^ static_cast<unsigned char>(*at) * kPrime5, 11) * kPrime1;
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

void ContentHash::add(std::uint64_t offset, std::string_view data) {
  while (!data.empty()) {
    if (const auto index = offset / kBlock; index != index_) {
      end_block();
      index_ = index;
    }
    const auto at = static_cast<std::size_t>(offset % kBlock), count = std::min(kBlock - at, data.size());
    std::ranges::copy(data.substr(0, count), block_.begin() + static_cast<std::ptrdiff_t>(at));
    is_dirty_ = true;
    offset += count;
    data.remove_prefix(count);
  }
}

void ContentHash::end_block() {
  if (!is_dirty_) return;
  is_dirty_ = false;
  if (std::ranges::all_of(block_, [](char byte) { return byte == '\0'; })) return;
  hash_ = xxh64(block_, hash_ ^ index_);
  std::ranges::fill(block_, '\0');
}

std::uint64_t ContentHash::finish(std::uint64_t size) {
  end_block();
  const auto hash = hash_ ^ size * kPrime1;
  *this = {};
  return hash;
}

}  // namespace virtsession::move
