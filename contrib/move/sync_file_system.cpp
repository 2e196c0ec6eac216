// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sync_file_system.hpp"

#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace virtsession::move {
namespace {

namespace fs = std::filesystem;

/// The nearest folder above a path that is on the path's file system and may be opened; or none.
UniqueFd open_folder_above(const std::string& path) {
  fs::path folder = fs::path(path).parent_path();
  struct stat info {};
  if (stat(folder.c_str(), &info) < 0) return {};
  for (;; folder = folder.parent_path()) {
    UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat opened {};
    if (fd && fstat(fd.get(), &opened) == 0 && opened.st_dev == info.st_dev) return fd;
    if (folder.empty() || folder == folder.root_path()) return {};
  }
}

}  // namespace

Result<void> sync_file_system_of(const std::string& path) {
  if (const auto folder = open_folder_above(path)) {
    if (syncfs(folder.get()) == 0) return {};
    return Error{ErrorCode::operation_failed,
                 "Failed to write " + path + " to the disk: " + std::generic_category().message(errno)};
  }
  sync();  // every file system, for it is not known which
  return {};
}

}  // namespace virtsession::move
