// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace virtsession::move {
namespace {

constexpr std::string_view kQcowMagic{"QFI\xfb", 4};
constexpr std::uint64_t kDataFile = 1U << 2;  // of the incompatible features

std::uint64_t number(std::string_view text, std::size_t at, std::size_t bytes) {
  if (at > text.size() || text.size() - at < bytes) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(text[at + i]);
  return value;
}

bool is_qcow2(std::string_view head) { return head.starts_with(kQcowMagic) && number(head, 4, 4) >= 2; }

/// As QEMU's qcow2_open() judges. Empty when all is well.
std::string fault_of(std::string_view head) {
  const auto version = number(head, 4, 4), cluster_bits = number(head, 20, 4);
  if (version > 3) return fmt::format("is of version {} of qcow2, which is not known", version);
  if (cluster_bits < 9 || cluster_bits > 21) return "has a damaged header: its clusters have no possible size";
  const auto cluster = std::uint64_t{1} << cluster_bits;
  if (const auto length = number(head, 100, 4); version == 3 && (length < 104 || length > cluster))
    return "has a damaged header: it has no possible length";
  const auto at = number(head, 8, 8), length = number(head, 16, 4);
  if (at == 0) return {};
  if (at > cluster || at > head.size()) return "has a damaged header: the name of its backing file lies outside of it";
  if (length > std::min({cluster - at, std::uint64_t{head.size()} - at, std::uint64_t{kMaxBackingName}}))
    return fmt::format("has a damaged header: the name of its backing file has {} bytes", length);
  return {};
}

/// The extension of the header that has it; empty when there is none.
std::string backing_format_in(std::string_view head, std::size_t end) {
  constexpr std::uint64_t kBackingFormat = 0xe2792aca;
  std::size_t at = number(head, 4, 4) >= 3 ? number(head, 100, 4) : 72;
  while (at + 8 <= end) {
    const auto type = number(head, at, 4), length = number(head, at + 4, 4);
    if (type == 0 || length > end - at - 8) break;
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
  image.fault = fault_of(head);
  const auto at = number(head, 8, 8), length = number(head, 16, 4);
  if (!image.fault.empty() || at == 0 || length == 0) return image;
  image.backing = head.substr(at, length);
  image.backing_format = backing_format_in(head, at);
  return image;
}

ImageHeader as_named(ImageHeader seen, const std::string& format) {
  if (format.empty()) {
    if (!seen.backing.empty() && seen.fault.empty())
      seen.fault =
          "stands on another file, and the image that names it does not say that it is of format " + seen.format;
    return seen;
  }
  if (format == "qcow2") return seen;
  ImageHeader opaque;
  opaque.format = format;
  return opaque;
}

bool is_plain_name(std::string_view backing) {
  return !backing.empty() && !backing.starts_with("json:") && !backing.starts_with("file:") &&
         backing.find("://") == std::string_view::npos;
}

bool change_backing_name(std::string& head, std::string_view name) {
  const auto image = read_image_header(head);
  if (image.backing.empty() || name.empty() || name.size() > kMaxBackingName) return false;
  const std::size_t cluster = std::size_t{1} << number(head, 20, 4), at = number(head, 8, 8);
  if (cluster - at < name.size() || head.size() < cluster) return false;
  std::fill_n(head.begin() + static_cast<std::ptrdiff_t>(at), image.backing.size(), '\0');
  std::ranges::copy(name, head.begin() + static_cast<std::ptrdiff_t>(at));
  for (std::size_t i = 0; i < 4; ++i) head[16 + i] = static_cast<char>(name.size() >> (24 - 8 * i) & 0xff);
  return true;
}

}  // namespace virtsession::move
