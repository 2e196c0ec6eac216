// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files.hpp"
#include "util/files.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace virtsession::move {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{1024} * 1024;

Error failed(const std::string& action, const std::string& path, int number = errno) {
  return {ErrorCode::operation_failed,
          "Failed to " + action + " " + path + ": " + std::generic_category().message(number)};
}

std::string part_of(const std::string& path) { return path + kPart; }

bool is_readable_by_others(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) < 0 || (info.st_mode & S_IROTH) == 0) return false;
  for (fs::path folder = fs::path(path).parent_path();; folder = folder.parent_path()) {
    if (stat(folder.c_str(), &info) < 0 || (info.st_mode & S_IXOTH) == 0) return false;
    if (folder == folder.root_path() || folder.empty()) return true;
  }
}

Result<void> write_at(int fd, const std::string& path, std::uint64_t offset, std::string_view data) {
  while (!data.empty()) {
    const auto written = pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path);
    offset += static_cast<std::uint64_t>(written);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// Gives a complete file its name, and never replaces another.
Result<void> give_name(const std::string& part, const std::string& path) {
  if (renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return failed("make", path);
  // The file system (NFS, some of FUSE) knows no such flag. A link replaces nothing either.
  if (link(part.c_str(), path.c_str()) < 0) return failed("make", path);
  if (unlink(part.c_str()) < 0) return failed("remove", part);
  return {};
}

Result<UniqueFd> create_part(const std::string& path) {
  if (auto made = make_directories(fs::path(path).parent_path().string()); !made) return made.error();
  if (access(path.c_str(), F_OK) == 0) return failed("make", path, EEXIST);
  UniqueFd fd(open(part_of(path).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return failed("make", part_of(path));
  return fd;
}

Result<void> complete(UniqueFd& fd, const std::string& path) {
  if (fsync(fd.get()) < 0) return failed("write", path);
  if (close(fd.release()) < 0 && errno != EINTR) return failed("write", path);
  if (auto named = give_name(part_of(path), path); !named) return named;
  return sync_folder(fs::path(path).parent_path().string());
}

class LocalWriter final : public Writer {
 public:
  LocalWriter(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<void> write(std::uint64_t offset, std::string_view data) override {
    // What is zero stays a hole.
    constexpr std::size_t kStep = std::size_t{64} * 1024;
    for (std::size_t at = 0; at < data.size(); at += kStep) {
      const auto step = data.substr(at, kStep);
      if (std::ranges::all_of(step, [](char byte) { return byte == '\0'; })) continue;
      if (auto written = write_at(fd_.get(), path_, offset + at, step); !written) return written;
    }
    return {};
  }

  Result<void> finish(std::uint64_t size) override {
    if (ftruncate(fd_.get(), static_cast<off_t>(size)) < 0) return failed("write", path_);
    return complete(fd_, path_);
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace

Result<FileFacts> LocalFiles::look(const std::string& path) {
  FileFacts facts;
  struct stat info {};
  if (stat(path.c_str(), &info) < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return facts;
    facts.kind = FileFacts::Kind::unreadable;
    facts.reason = std::generic_category().message(errno);
    return facts;
  }
  facts.size = static_cast<std::uint64_t>(info.st_size);
  facts.allocated = static_cast<std::uint64_t>(info.st_blocks) * 512;
  facts.changed = fmt::format("{}.{:09}", info.st_mtim.tv_sec, info.st_mtim.tv_nsec);  // as libvirt writes a volume's
  if (S_ISBLK(info.st_mode) || S_ISCHR(info.st_mode))
    facts.kind = FileFacts::Kind::block_device;
  else if (S_ISDIR(info.st_mode))
    facts.kind = FileFacts::Kind::folder;
  if (!S_ISREG(info.st_mode)) return facts;
  const auto begin = head(path, kHeadBytes);
  facts.readable_by_user = static_cast<bool>(begin);
  facts.readable_by_others = is_readable_by_others(path);
  facts.kind = begin ? FileFacts::Kind::file : FileFacts::Kind::unreadable;
  if (begin)
    facts.image = read_image_header(*begin);
  else
    facts.reason = begin.error().message;
  return facts;
}

Result<std::set<std::string>> LocalFiles::names(const std::string& folder) {
  std::set<std::string> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    found.insert(entry->path().filename().string());
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return failed("read", folder, error.value());
  return found;
}

std::optional<std::uint64_t> LocalFiles::free_bytes(const std::string& folder) {
  for (fs::path path = folder; !path.empty(); path = path.parent_path()) {
    struct statvfs info {};
    if (statvfs(path.c_str(), &info) == 0) return std::uint64_t{info.f_bavail} * info.f_frsize;
    if (errno != ENOENT || path == path.root_path()) break;
  }
  return std::nullopt;
}

Result<std::string> LocalFiles::head(const std::string& path, std::size_t bytes) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return failed("read", path);
  std::string text(bytes, '\0');
  std::size_t used = 0;
  while (used < bytes) {
    const auto got = pread(fd.get(), text.data() + used, bytes - used, static_cast<off_t>(used));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

Result<void> LocalFiles::read(const std::string& path, const Consumer& consumer) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) < 0) return failed("read", path);
  std::string buffer(kPiece, '\0');
  for (off_t at = 0; at < info.st_size;) {
    const off_t data = lseek(fd.get(), at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};  // holes to the end
    if (data < 0) return failed("read", path);
    const off_t hole = std::max(lseek(fd.get(), data, SEEK_HOLE), data + 1);
    for (at = data; at < hole;) {
      const auto wanted = std::min(kPiece, static_cast<std::size_t>(hole - at));
      const auto got = pread(fd.get(), buffer.data(), wanted, at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed("read", path);
      if (got == 0) return failed("read", path, EIO);
      const auto size = static_cast<std::size_t>(got);
      if (auto taken = consumer(static_cast<std::uint64_t>(at), {buffer.data(), size}); !taken) return taken;
      at += got;
    }
  }
  return {};
}

Result<std::unique_ptr<Writer>> LocalFiles::create(const std::string& path, const Ownership* /*owner*/) {
  auto fd = create_part(path);
  if (!fd) return fd.error();
  return std::unique_ptr<Writer>(std::make_unique<LocalWriter>(path, std::move(fd).value()));
}

Result<void> LocalFiles::remove(const std::string& path) {
  if (unlink(path.c_str()) < 0 && errno != ENOENT && errno != ENOTDIR) return failed("remove", path);
  return {};
}

Result<void> LocalFiles::remove_unfinished(const std::string& path, bool was_created) {
  struct stat part {
  }, whole{};
  const bool has_part = lstat(part_of(path).c_str(), &part) == 0, has_whole = lstat(path.c_str(), &whole) == 0;
  // One that was created and is there no more has become the whole. Both are one file between link and unlink.
  const bool is_ours = has_part ? part.st_dev == whole.st_dev && part.st_ino == whole.st_ino : was_created;
  if (has_whole && is_ours)
    if (auto removed = remove(path); !removed) return removed;
  return remove_part(path);
}

Result<void> LocalFiles::remove_part(const std::string& path) { return remove(part_of(path)); }

std::optional<Ownership> LocalFiles::owner(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) < 0) return std::nullopt;
  return Ownership{info.st_uid, info.st_gid, info.st_mode & 07777U};
}

Result<bool> LocalFiles::reflink(const std::string& from, const std::string& to, std::string_view head,
                                 const Created& created) {
  const UniqueFd source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) return false;
  auto fd = create_part(to);
  if (!fd) return fd.error();
  UniqueFd target = std::move(fd).value();
  if (ioctl(target.get(), FICLONE, source.get()) < 0) {
    unlink(part_of(to).c_str());
    return false;
  }
  if (auto noted = created(); !noted) return noted.error();
  if (auto written = write_at(target.get(), to, 0, head); !written) return written.error();
  if (auto completed = complete(target, to); !completed) return completed.error();
  return true;
}

}  // namespace virtsession::move
