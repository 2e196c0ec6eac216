// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace virtsession {

/// Configuration and state are far below this; more is a mistake, and is not read into memory.
inline constexpr std::size_t kFileSizeLimit = std::size_t{4} * 1024 * 1024;

/// Reads a whole regular file. Blocks for as long as the file system does.
/// \return its text; nothing when there is no such file; `operation_failed` with a sentence that names the path for
/// anything else: no permission, a folder, a pipe, more than `size_limit` bytes
Result<std::optional<std::string>> read_file(const std::string& path, std::size_t size_limit = kFileSizeLimit);

enum class Durability {
  rename_only,  ///< a reader sees the old or the new text; a power cut may lose both
  fsync,        ///< the new text is on the disk when the call returns
};

enum class Links {
  follow,   ///< a file in somebody's dotfiles stays there
  replace,  ///< for a folder that others write to: their link leads nowhere
};

/// Replaces `path` by a file with `text`, through a temporary file in the same folder and rename(2): no reader sees a
/// part, and on any failure (a full disk ...) the old file stays and the temporary one goes.
/// \param mode of the file, whatever the umask \return `operation_failed` with a sentence that names the path
Result<void> write_file_atomically(const std::string& path, std::string_view text, mode_t mode = 0600,
                                   Durability durability = Durability::rename_only, Links links = Links::follow);

/// Makes `path` and every missing parent with mode 0700, as the XDG base directory specification asks for; what exists
/// stays as it is. \return `operation_failed` with a sentence that names the folder
Result<void> make_directories(const std::string& path);

/// A file that was made, renamed or removed in `folder` is so after a power cut as well. Blocks for as long as the file
/// system does. \return `operation_failed` with a sentence that names the folder
Result<void> sync_folder(const std::string& folder);

}  // namespace virtsession
