// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/disk_image.hpp"

#include <filesystem>

namespace virtsession {
namespace {

constexpr std::string_view kMagic("QFI\xfb", 4);
constexpr std::size_t kBackingOffset = 8;
constexpr std::size_t kBackingSize = 16;
constexpr std::size_t kCapacity = 24;
constexpr std::size_t kHeaderSize = 72;
constexpr std::uint64_t kMaxBackingName = 1023;

std::uint64_t big_endian(std::string_view head, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(head[at + i]);
  return number;
}

}  // namespace

std::optional<ImageHeader> parse_qcow2(std::string_view head) {
  if (head.size() < kHeaderSize || !head.starts_with(kMagic)) return std::nullopt;
  ImageHeader header;
  header.capacity = big_endian(head, kCapacity, 8);
  const auto offset = big_endian(head, kBackingOffset, 8);
  const auto size = big_endian(head, kBackingSize, 4);
  if (offset != 0 && size <= kMaxBackingName && offset < head.size() && size <= head.size() - offset)
    header.backing_file = head.substr(offset, size);
  return header;
}

std::string backing_path(const std::string& image, const std::string& backing_file) {
  std::string name = backing_file;
  if (name.starts_with("file:")) name = name.substr(5);
  if (name.empty()) return {};
  if (name.starts_with('/')) return name;
  // "nbd:host:1", "json:{...}": a protocol ends before any slash.
  const auto colon = name.find(':');
  if (colon != std::string::npos && colon < name.find('/')) return {};
  return (std::filesystem::path(image).parent_path() / name).string();
}

}  // namespace virtsession
