// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image_header.hpp"

#include <algorithm>
#include <cstdint>

namespace virtsession::move {
namespace {

constexpr std::string_view kQcowMagic{"QFI\xfb", 4};
constexpr std::size_t kMaxName = 1023;
constexpr std::uint32_t kBackingFormat = 0xE2792ACA;
constexpr std::uint64_t kDataFile = 1U << 2;  // of the incompatible features

std::uint64_t number(std::string_view text, std::size_t at, std::size_t bytes) {
  if (at > text.size() || text.size() - at < bytes) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(text[at + i]);
  return value;
}

bool is_qcow2(std::string_view head) { return head.starts_with(kQcowMagic) && number(head, 4, 4) >= 2; }

std::string backing_format(std::string_view head) {
  const bool long_header = number(head, 4, 4) >= 3;
  std::size_t at = long_header ? number(head, 100, 4) : 72;
  while (at + 8 <= head.size()) {
    const auto type = number(head, at, 4), length = number(head, at + 4, 4);
    if (type == 0 || length > head.size() - at - 8) break;
    if (type == kBackingFormat) return std::string(head.substr(at + 8, length));
    at += 8 + (length + 7) / 8 * 8;
  }
  return {};
}

/// By the magic numbers that qemu-img knows; none of these is looked into.
std::string other_format(std::string_view head) {
  if (head.starts_with("KDMV") || head.starts_with("# Disk DescriptorFile")) return "vmdk";
  if (head.starts_with("vhdxfile")) return "vhdx";
  if (head.starts_with("QED")) return "qed";
  if (head.starts_with(std::string_view("LUKS\xba\xbe", 6))) return "luks";
  if (head.size() > 68 && head.substr(64, 4) == std::string_view("\x7f\x10\xda\xbe", 4)) return "vdi";
  return "raw";
}

}  // namespace

ImageHeader read_image_header(std::string_view head) {
  ImageHeader image;
  if (!is_qcow2(head)) {
    image.format = other_format(head);
    image.encrypted = image.format == "luks";
    return image;
  }
  image.format = "qcow2";
  image.encrypted = number(head, 32, 4) != 0;
  image.has_data_file = number(head, 4, 4) >= 3 && (number(head, 72, 8) & kDataFile) != 0;
  const auto at = number(head, 8, 8), length = number(head, 16, 4);
  if (at == 0 || length == 0 || length > kMaxName || at > head.size() || head.size() - at < length) return image;
  image.backing = head.substr(at, length);
  image.backing_format = backing_format(head);
  return image;
}

bool is_plain_name(std::string_view backing) {
  return !backing.empty() && !backing.starts_with("json:") && !backing.starts_with("file:") &&
         backing.find("://") == std::string_view::npos;
}

bool change_backing_name(std::string& head, std::string_view name) {
  const auto image = read_image_header(head);
  if (image.backing.empty() || name.empty() || name.size() > kMaxName) return false;
  const auto cluster_bits = number(head, 20, 4);
  if (cluster_bits < 9 || cluster_bits > 21) return false;
  const std::size_t cluster = std::size_t{1} << cluster_bits, at = number(head, 8, 8);
  if (at >= cluster || cluster - at < name.size() || head.size() < cluster) return false;
  std::fill_n(head.begin() + static_cast<std::ptrdiff_t>(at), image.backing.size(), '\0');
  std::ranges::copy(name, head.begin() + static_cast<std::ptrdiff_t>(at));
  for (std::size_t i = 0; i < 4; ++i) head[16 + i] = static_cast<char>(name.size() >> (24 - 8 * i) & 0xff);
  return true;
}

}  // namespace virtsession::move
