// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/path_walk.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <climits>
#include <deque>
#include <filesystem>
#include <utility>

namespace virtsession {

namespace {

constexpr std::uint32_t kFolderEvents = IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kNameEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr std::uint32_t kArrivalEvents = IN_CREATE | IN_MOVED_TO;
constexpr int kMaximumLinks = 40;  // as path_resolution(7)

struct Folder {
  std::shared_ptr<const UniqueFd> fd;
  std::string path;
  FileIdentity identity;
  std::string name;
};

class Walker {
 public:
  Walker(const std::string& path, const std::function<void(const std::string& at)>& steps) : steps_(steps) {
    prepend(path);
    enter(UniqueFd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)), "");
  }

  PathWalk walk() && {
    while (!names_.empty()) {
      const std::string name = std::move(names_.front());
      names_.pop_front();
      if (!step(name)) return std::move(result_);
    }
    add(PathPoint::Role::target, kNameEvents, {});
    watch_removal();
    reach(*stack_.back().fd, stack_.back().identity);
    return std::move(result_);
  }

 private:
  const std::function<void(const std::string& at)>& steps_;
  std::deque<std::string> names_;
  std::vector<Folder> stack_;
  PathWalk result_;
  int links_ = 0;

  /// \return false when the walk ends here
  bool step(const std::string& name) {
    if (name == "..") {
      if (stack_.size() > 1) stack_.pop_back();
      return true;
    }
    if (steps_) steps_((std::filesystem::path(stack_.back().path) / name).string());
    UniqueFd child(openat(stack_.back().fd->get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!child || fstat(child.get(), &info) < 0) return missing(name);
    if (S_ISDIR(info.st_mode)) {
      enter(std::move(child), name);
      return true;
    }
    if (S_ISLNK(info.st_mode)) return follow(child, name);
    if (!names_.empty()) return missing(name);  // a file where a folder should be
    add(PathPoint::Role::content, kNameEvents, name);
    watch_removal();
    reach(child, {info.st_dev, info.st_ino});
    return false;
  }

  void reach(const UniqueFd& target, const FileIdentity& identity) {
    result_.target = identity;
    struct statx info {};
    result_.mounted = statx(target.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, 0, &info) == 0 &&
                      (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    // What is cached of a file says nothing of a server that is gone.
    struct statfs ignored {};
    fstatfs(target.get(), &ignored);
  }

  bool missing(const std::string& name) {
    add(PathPoint::Role::entry, kArrivalEvents, name);
    watch_removal();
    return false;
  }

  bool follow(const UniqueFd& link, const std::string& name) {
    add(PathPoint::Role::content, kNameEvents, name);
    std::string text(PATH_MAX, '\0');
    const auto length = readlinkat(link.get(), "", text.data(), text.size());
    if (length <= 0 || ++links_ > kMaximumLinks) return missing(name);
    text.resize(static_cast<std::size_t>(length));
    if (text.front() == '/') stack_.resize(1);
    prepend(text);
    return true;
  }

  void prepend(const std::string& path) {
    std::deque<std::string> parts;
    for (const auto& part : std::filesystem::path(path))
      if (!part.empty() && part != "." && part != "/") parts.push_back(part.string());
    names_.insert(names_.begin(), std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
  }

  void enter(UniqueFd fd, const std::string& name) {
    struct stat info {};
    fstat(fd.get(), &info);
    std::string path = stack_.empty() ? "/" : (std::filesystem::path(stack_.back().path) / name).string();
    stack_.push_back(
        {std::make_shared<const UniqueFd>(std::move(fd)), std::move(path), {info.st_dev, info.st_ino}, name});
    add(PathPoint::Role::folder, kFolderEvents, {});
  }

  /// A folder that somebody has open tells of its own removal only when they close it; its parent tells at once.
  /// The last folder is enough: those above it cannot be removed before it.
  void watch_removal() {
    if (stack_.size() < 2) return;
    const std::string name = stack_.back().name;
    const Folder last = std::move(stack_.back());
    stack_.pop_back();
    add(PathPoint::Role::entry, IN_DELETE, name);
    stack_.push_back(last);
  }

  void add(PathPoint::Role role, std::uint32_t events, std::string name) {
    const Folder& folder = stack_.back();
    result_.points.push_back(
        {folder.fd, folder.path, folder.identity.device, folder.identity.inode, role, events, std::move(name)});
  }
};

}  // namespace

bool PathPoint::same_as(const PathPoint& other) const {
  return device == other.device && inode == other.inode && role == other.role && events == other.events &&
         name == other.name;
}

bool PathWalk::same_as(const PathWalk& other) const {
  return target == other.target && std::equal(points.begin(), points.end(), other.points.begin(), other.points.end(),
                                              [](const PathPoint& a, const PathPoint& b) { return a.same_as(b); });
}

PathWalk walk_path(const std::string& path, const std::function<void(const std::string& at)>& steps) {
  return Walker(path, steps).walk();
}

}  // namespace virtsession
