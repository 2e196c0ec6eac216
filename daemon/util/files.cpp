// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/files.hpp"

#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace virtsession {

namespace {

Error failed(const char* action, const std::string& path, int error_number) {
  return {ErrorCode::operation_failed,
          fmt::format("Failed to {} {}: {}", action, path, std::generic_category().message(error_number))};
}

Error failed(const char* action, const std::string& path, const std::string& reason) {
  return {ErrorCode::operation_failed, fmt::format("Failed to {} {}: {}", action, path, reason)};
}

/// \return 0 or an errno
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// \return 0 or an errno
int fill(UniqueFd& file, std::string_view text, mode_t mode, Durability durability) {
  if (fchmod(file.get(), mode) < 0) return errno;  // mkostemp() made it 0600
  if (const int error_number = write_all(file.get(), text)) return error_number;
  if (durability == Durability::fsync && fsync(file.get()) < 0) return errno;
  // Some file systems (NFS, quotas) tell of a full disk only here.
  return close(file.release()) < 0 && errno != EINTR ? errno : 0;
}

/// What a chain of symbolic links at `path` ends at, be it there or not.
std::filesystem::path follow(const std::filesystem::path& path) {
  std::filesystem::path target = path;
  std::error_code error;
  for (int links = 0; links < 40 && std::filesystem::is_symlink(target, error); ++links) {
    const auto next = std::filesystem::read_symlink(target, error);
    if (error) break;
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  return target;
}

}  // namespace

Result<std::optional<std::string>> read_file(const std::string& path, std::size_t size_limit) {
  // Non-blocking, so that a pipe in the file's place cannot hang the caller.
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    if (errno == ENOENT) return std::optional<std::string>{};
    return failed("read", path, errno);
  }
  struct stat info {};
  if (fstat(file.get(), &info) < 0) return failed("read", path, errno);
  if (S_ISDIR(info.st_mode)) return failed("read", path, EISDIR);
  if (!S_ISREG(info.st_mode)) return failed("read", path, std::string("it is not a regular file"));

  // The size is only a hint: files in /proc have none, and others may grow meanwhile.
  std::string text;
  char buffer[16384];
  while (true) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path, errno);
    if (got == 0) return std::optional(std::move(text));
    if (text.size() + static_cast<std::size_t>(got) > size_limit)
      return failed("read", path, fmt::format("it is larger than {} bytes", size_limit));
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<void> write_file_atomically(const std::string& path, std::string_view text, mode_t mode, Durability durability,
                                   Links links) {
  const std::filesystem::path target = links == Links::follow ? follow(path) : std::filesystem::path(path);
  const std::string folder = target.has_parent_path() ? target.parent_path().string() : ".";
  std::string temporary = fmt::format("{}/.{}.XXXXXX", folder, target.filename().string());
  UniqueFd file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return failed("write", path, errno);

  int error_number = fill(file, text, mode, durability);
  if (error_number == 0 && std::rename(temporary.c_str(), target.c_str()) < 0) error_number = errno;
  if (error_number != 0) {
    unlink(temporary.c_str());
    return failed("write", path, error_number);
  }
  return durability == Durability::fsync ? sync_folder(folder) : Result<void>();
}

Result<void> sync_folder(const std::string& folder) {
  const UniqueFd handle(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || fsync(handle.get()) < 0) return failed("write", folder, errno);
  return {};
}

Result<void> make_directories(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return {};
  int error_number = errno;
  if (error_number == ENOENT) {
    // lexically: "a/b/" has the parent "a/b", which is then made twice, and that is no error
    const std::string parent = std::filesystem::path(path).parent_path().string();
    if (parent.empty() || parent == path) return failed("make the folder", path, error_number);
    if (auto made = make_directories(parent); !made) return made;
    if (mkdir(path.c_str(), 0700) == 0) return {};
    error_number = errno;
  }
  std::error_code ignored;
  if (error_number == EEXIST && std::filesystem::is_directory(path, ignored)) return {};
  return failed("make the folder", path, error_number == EEXIST ? ENOTDIR : error_number);
}

}  // namespace virtsession
