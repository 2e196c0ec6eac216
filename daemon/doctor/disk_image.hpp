// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace virtsession {

/// What the header of a disk image says.
struct ImageHeader {
  std::uint64_t capacity = 0;  ///< bytes that the guest sees; 0 when not known
  std::string backing_file;    ///< as it is written there; empty when there is none
};

/// Reads the first bytes of a qcow2 image; see docs/interop/qcow2.txt of QEMU. \return nothing when it is none
std::optional<ImageHeader> parse_qcow2(std::string_view head);

/// The absolute path of a backing file, which is relative to the image it is named in; empty for what is no file (a
/// network block device, or a "json:" description).
std::string backing_path(const std::string& image, const std::string& backing_file);

}  // namespace virtsession
