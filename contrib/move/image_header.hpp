// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace virtsession::move {

/// So much of an image's begin has all that is looked at and changed here.
inline constexpr std::size_t kHeadBytes = std::size_t{2} * 1024 * 1024;  // qcow2's largest cluster

/// A backing file's name has at most so many bytes, by QEMU's rule.
inline constexpr std::size_t kMaxBackingName = 1023;

/// What the first bytes of an image say of it (docs/interop/qcow2.txt in QEMU's source).
struct ImageHeader {
  std::string format = "raw";  ///< raw is what is nothing else
  std::string backing;         ///< as it is written there: absolute, relative or json:
  std::string backing_format;  ///< as it is written there; mostly empty in images of old
  bool has_data_file = false;  ///< the guest's data lies in another file
  bool encrypted = false;
  std::string fault;  ///< why QEMU would not open it, or nobody can tell what it stands on; empty when all is well
};

ImageHeader read_image_header(std::string_view head);

/// What is so of a file that is named with a format: a guest may write anything into the first bytes of a raw disk, and
/// none of it is an image's header. \param format of the definition or of the image above; empty when it is not said
ImageHeader as_named(ImageHeader seen, const std::string& format);

/// Whether a backing file's name is that of a file: absolute, or relative to the image's folder.
bool is_plain_name(std::string_view backing);

/// Writes another backing file's name into the first bytes of a qcow2 image, as QEMU does it: behind the header's
/// extensions, the rest of its cluster zero. \return false when there is no room for the name, or no backing file
bool change_backing_name(std::string& head, std::string_view name);

}  // namespace virtsession::move
