// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/disk_image.hpp"
#include "doctor/gatherers.hpp"
#include "util/bounded.hpp"
#include "util/files.hpp"
#include "util/mounts.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <system_error>

namespace virtsession {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxChain = 32;
constexpr std::size_t kHead = std::size_t{64} * 1024;
constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks

/// Whether the block device can be pulled out: it says so, or it is on USB, where disks do not.
bool is_removable(const std::string& device, const std::string& sys) {
  std::error_code error;
  const fs::path path = fs::canonical(sys + "/dev/block/" + device, error);
  if (error) return false;
  if (path.string().find("/usb") != std::string::npos) return true;
  for (const auto& folder : {path, path.parent_path()}) {  // of a partition its disk tells
    const auto text = read_file(folder / "removable");
    if (text && *text && (*text)->starts_with('1')) return true;
  }
  return false;
}

void set_error(ImageFacts& image, int error) {
  using State = ImageFacts::State;
  image.state = error == ENOENT || error == ENOTDIR ? State::missing
                : error == EACCES || error == EPERM ? State::denied
                                                    : State::other_error;
  image.error = std::generic_category().message(error);
}

/// The first bytes of a regular file; empty for anything else.
std::string head_of(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode)) return {};
  std::string head(kHead, '\0');
  const auto got = pread(file.get(), head.data(), head.size(), 0);
  head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return head;
}

/// The first file below the image that is missing; empty when there is none, or it cannot be told.
std::string missing_below(const std::string& path, const std::string& backing_file) {
  std::string image = path;
  std::string next = backing_file;
  for (int depth = 0; depth < kMaxChain && !next.empty(); ++depth) {
    const std::string below = backing_path(image, next);
    if (below.empty()) return {};
    struct stat status {};
    if (stat(below.c_str(), &status) < 0) return errno == ENOENT || errno == ENOTDIR ? below : std::string();
    const auto header = parse_qcow2(head_of(below));
    if (!header) return {};
    image = below;
    next = header->backing_file;
  }
  return {};
}

void read_sizes(ImageFacts& image, const struct stat& status) {
  image.allocated = static_cast<std::uint64_t>(status.st_blocks) * kBlock;
  if (image.format == "qcow2") {
    const auto header = parse_qcow2(head_of(image.path));
    if (!header) return;
    image.capacity = header->capacity;
    image.missing_backing = missing_below(image.path, header->backing_file);
  } else if (image.format == "raw" && S_ISREG(status.st_mode)) {
    image.capacity = static_cast<std::uint64_t>(status.st_size);
  }
}

void read_filesystem(ImageFacts& image, const std::vector<Mount>& mounts, const std::string& sys) {
  std::error_code error;
  const auto resolved = fs::canonical(image.path, error);
  if (error) return;
  const Mount* const mount = mount_of(mounts, resolved);
  struct statvfs space {};
  if (!mount || statvfs(resolved.c_str(), &space) < 0) return;
  image.filesystem = FilesystemFacts{mount->point, mount->type, is_removable(mount->device, sys),
                                     static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize};
}

ImageFacts look_at(ImageFacts image, const std::vector<Mount>& mounts, const std::string& sys) {
  struct stat status {};
  if (stat(image.path.c_str(), &status) < 0) {
    set_error(image, errno);
    return image;
  }
  const int wanted = image.writable ? R_OK | W_OK : R_OK;
  if (faccessat(AT_FDCWD, image.path.c_str(), wanted, AT_EACCESS) < 0) set_error(image, errno);
  if (image.state == ImageFacts::State::present && !S_ISBLK(status.st_mode)) {
    read_sizes(image, status);
    read_filesystem(image, mounts, sys);
  }
  return image;
}

}  // namespace

std::vector<std::string> gather_images(std::vector<ImageFacts*> images, const GatherOptions& options) {
  const auto mounts = read_mounts();
  // Those of one mount one after the other, since they hang together.
  std::map<std::string, std::vector<ImageFacts*>> by_mount;
  for (auto* image : images) {
    const Mount* const mount = mount_of(mounts, image->path);
    by_mount[mount ? mount->point : ""].push_back(image);
  }
  std::vector<std::pair<std::vector<ImageFacts*>, Bounded<std::vector<ImageFacts>>>> groups;
  for (auto& [point, members] : by_mount) {
    std::vector<ImageFacts> copies;
    for (const auto* image : members) copies.push_back(*image);
    groups.emplace_back(members, Bounded<std::vector<ImageFacts>>("doctor-images", [copies, mounts, sys = options.sys] {
                          std::vector<ImageFacts> seen;
                          for (const auto& image : copies) seen.push_back(look_at(image, mounts, sys));
                          return seen;
                        }));
  }
  const auto deadline = std::chrono::steady_clock::now() + options.limit;
  std::vector<std::string> failures;
  for (auto& [members, task] : groups) {
    const auto seen = task.get(deadline);
    if (auto failure = task.failure(); !failure.empty()) failures.push_back(std::move(failure));
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (seen)
        *members[i] = (*seen)[i];
      else
        members[i]->state = ImageFacts::State::too_late;
    }
  }
  return failures;
}

}  // namespace virtsession
