// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/path_watcher.hpp"

#include "util/event_loop.hpp"
#include "util/log.hpp"
#include "util/path_walk.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

constexpr std::uint32_t kFolderGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;
constexpr int kSettleRounds = 10;

/// What is kept of a PathPoint: its descriptor would hold the mount.
struct Interest {
  int descriptor;  ///< of inotify; -1 when the folder cannot be watched, or not any more
  PathPoint::Role role;
  std::uint32_t events;
  std::string name;
};

/// By descriptor, not by path: what was looked at is what is watched.
std::string by_descriptor(const PathPoint& point) { return fmt::format("/proc/self/fd/{}", point.folder->get()); }

}  // namespace

struct PathWatcher::Watch {
  std::string path;
  Changed changed;
  std::vector<Interest> interests;
  std::optional<FileIdentity> target;
  bool warned = false;
  bool removed = false;

  // Of the events that are being looked at:
  bool walk_again = false;
  bool path_changed = false;
  std::set<std::string> entries;
};

/// It reads inotify itself: sd_event_add_inotify_fd(3) has a pass of the loop for each event, 1000 for 1000 entries of
/// a folder where this has two, and leaves asking for no more than is wanted to its caller.
struct PathWatcher::Impl {
  explicit Impl(EventLoop& on) : loop(on), inotify(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (!inotify) throw std::system_error(errno, std::generic_category(), "Failed to create an inotify instance");
  }

  EventLoop& loop;
  UniqueFd inotify;
  UniqueFd mounts;
  EventSource inotify_source;
  EventSource mounts_source;
  std::vector<std::shared_ptr<Watch>> watches;
  std::map<int, std::uint32_t> masks;  ///< what inotify has been asked for, by descriptor

  static void attach(const std::shared_ptr<Impl>& self);
  void read_events();
  void note(const inotify_event& event);
  void deliver();
  void walk(Watch& watch);
  int ask(Watch& watch, const PathPoint& point);
  std::uint32_t wanted(int descriptor) const;
  void trim();
  void narrow(const Watch& watch, const PathWalk& walked);
  void warn(Watch& watch, const std::string& folder, int error_number);
  void remove(Watch& watch);
};

void PathWatcher::Impl::attach(const std::shared_ptr<Impl>& self) {
  // A callback may drop the watcher: each handler keeps it alive for as long as it runs.
  const std::weak_ptr<Impl> weak = self;
  self->inotify_source = self->loop.watch_io(self->inotify.get(), EPOLLIN, [weak](std::uint32_t) {
    if (const auto alive = weak.lock()) alive->read_events();
  });
  self->mounts = UniqueFd(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!self->mounts) {
    log::warn("Failed to watch for mounts: {}", std::strerror(errno));
    return;
  }
  self->mounts_source = self->loop.watch_io(self->mounts.get(), EPOLLPRI, [weak](std::uint32_t) {
    const auto alive = weak.lock();
    if (!alive) return;
    for (const auto& watch : alive->watches) watch->walk_again = true;
    alive->deliver();
  });
}

void PathWatcher::Impl::read_events() {
  alignas(inotify_event) char buffer[16384];
  const auto got = ::read(inotify.get(), buffer, sizeof buffer);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    throw std::system_error(errno, std::generic_category(), "Failed to read from inotify");
  }
  for (const char* at = buffer; at < buffer + got;) {
    const auto& event = *reinterpret_cast<const inotify_event*>(at);
    note(event);
    at += sizeof(inotify_event) + event.len;
  }
  deliver();
}

void PathWatcher::Impl::note(const inotify_event& event) {
  const std::string name = event.len > 0 ? event.name : "";
  for (const auto& watch : watches) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) watch->walk_again = watch->path_changed = true;
    for (auto& interest : watch->interests) {
      if (interest.descriptor != event.wd || event.wd < 0) continue;
      if ((event.mask & kFolderGone) != 0) {
        watch->walk_again = true;
        if (interest.role == PathPoint::Role::target) watch->path_changed = true;
        if ((event.mask & IN_IGNORED) != 0) interest.descriptor = -1;
      } else if ((event.mask & interest.events) != 0) {
        if (interest.role == PathPoint::Role::target) watch->entries.insert(name);
        if (interest.name != name || name.empty()) continue;
        watch->walk_again = true;
        if (interest.role == PathPoint::Role::content) watch->path_changed = true;
      }
    }
  }
  if ((event.mask & IN_IGNORED) != 0) masks.erase(event.wd);
}

void PathWatcher::Impl::deliver() {
  std::vector<std::pair<std::shared_ptr<Watch>, std::set<std::string>>> calls;
  for (const auto& watch : watches) {
    if (std::exchange(watch->walk_again, false)) {
      const auto before = watch->target;
      walk(*watch);
      if (watch->target != before) watch->path_changed = true;
    }
    auto entries = std::exchange(watch->entries, {});
    if (std::exchange(watch->path_changed, false)) entries = {""};  // says it all
    if (!entries.empty()) calls.emplace_back(watch, std::move(entries));
  }
  for (const auto& [watch, entries] : calls)
    for (const auto& entry : entries)
      if (!watch->removed) watch->changed(entry);
}

/// Watches first and looks then, until nothing has changed in between.
void PathWatcher::Impl::walk(Watch& watch) {
  PathWalk now = walk_path(watch.path);
  bool settled = false;
  for (int round = 0; round < kSettleRounds && !settled; ++round) {
    watch.interests.clear();
    for (const auto& point : now.points)
      watch.interests.push_back({ask(watch, point), point.role, point.events, point.name});
    PathWalk again = walk_path(watch.path);
    settled = again.same_as(now);
    now = std::move(again);
  }
  watch.target = now.target;
  trim();
  if (settled) narrow(watch, now);
}

/// Several watches share a folder, and inotify has one descriptor for it. \return it, or -1
int PathWatcher::Impl::ask(Watch& watch, const PathPoint& point) {
  const int descriptor =
      inotify_add_watch(inotify.get(), by_descriptor(point).c_str(), point.events | IN_MASK_ADD | IN_ONLYDIR);
  if (descriptor < 0)
    warn(watch, point.folder_path, errno);
  else
    masks[descriptor] |= point.events;
  return descriptor;
}

std::uint32_t PathWatcher::Impl::wanted(int descriptor) const {
  std::uint32_t events = 0;
  for (const auto& watch : watches)
    for (const auto& interest : watch->interests)
      if (interest.descriptor == descriptor) events |= interest.events;
  return events;
}

void PathWatcher::Impl::trim() {
  std::erase_if(masks, [&](const auto& row) {
    if (wanted(row.first) != 0) return false;
    inotify_rm_watch(inotify.get(), row.first);
    return true;
  });
}

/// Asks for no more than somebody wants, lest a busy folder on the way wakes us up. Another watch's folder that has
/// become too wide stays so until that is walked again: it costs a wake-up, not a call.
void PathWatcher::Impl::narrow(const Watch& watch, const PathWalk& walked) {
  for (std::size_t i = 0; i < walked.points.size(); ++i) {
    const int descriptor = watch.interests[i].descriptor;
    if (descriptor < 0) continue;
    const std::uint32_t events = wanted(descriptor);
    if (masks[descriptor] == events) continue;
    inotify_add_watch(inotify.get(), by_descriptor(walked.points[i]).c_str(), events | IN_ONLYDIR);
    masks[descriptor] = events;
  }
}

void PathWatcher::Impl::warn(Watch& watch, const std::string& folder, int error_number) {
  if (std::exchange(watch.warned, true)) return;
  // ENOSPC means the limit fs.inotify.max_user_watches, not a full disk.
  const char* const reason =
      error_number == ENOSPC ? "the limit of inotify watches is reached" : std::strerror(error_number);
  log::warn("Failed to watch {} for {}: {}", folder, watch.path, reason);
}

void PathWatcher::Impl::remove(Watch& watch) {
  watch.removed = true;
  std::erase_if(watches, [&](const auto& other) { return other.get() == &watch; });
  trim();
}

PathWatcher::PathWatcher(EventLoop& loop) : impl_(std::make_shared<Impl>(loop)) { Impl::attach(impl_); }

PathWatcher::~PathWatcher() {
  for (const auto& watch : impl_->watches) watch->removed = true;
  impl_->watches.clear();
  impl_->inotify_source.reset();
  impl_->mounts_source.reset();
}

PathWatcher::Handle PathWatcher::watch(const std::string& path, Changed changed) {
  if (path.empty() || path.front() != '/')
    throw std::invalid_argument(fmt::format("Cannot watch \"{}\": the path is not absolute", path));
  Handle handle;
  handle.impl_ = impl_;
  handle.watch_ = std::make_shared<Watch>();
  handle.watch_->path = path;
  handle.watch_->changed = std::move(changed);
  impl_->watches.push_back(handle.watch_);
  impl_->walk(*handle.watch_);
  return handle;
}

PathWatcher::Handle::~Handle() { reset(); }

PathWatcher::Handle::Handle(Handle&& other) noexcept : impl_(std::move(other.impl_)), watch_(std::move(other.watch_)) {}

PathWatcher::Handle& PathWatcher::Handle::operator=(Handle&& other) noexcept {
  if (this == &other) return *this;
  reset();
  impl_ = std::move(other.impl_);
  watch_ = std::move(other.watch_);
  return *this;
}

bool PathWatcher::Handle::exists() const { return watch_ != nullptr && watch_->target.has_value(); }

void PathWatcher::Handle::reset() {
  if (const auto impl = impl_.lock(); impl && watch_) impl->remove(*watch_);
  watch_.reset();
  impl_.reset();
}

}  // namespace virtsession
