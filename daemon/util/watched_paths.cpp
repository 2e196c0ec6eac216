// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/watched_paths.hpp"

#include "util/log.hpp"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace virtsession {

namespace {

constexpr std::uint32_t kFolderGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;
constexpr int kSettleRounds = 10;

/// By descriptor, not by path: what was looked at is what is watched.
std::string by_descriptor(const PathPoint& point) { return fmt::format("/proc/self/fd/{}", point.folder->get()); }

}  // namespace

// It reads inotify itself: sd_event_add_inotify_fd(3) has a pass of a loop for each event, 1000 for 1000 entries of a
// folder where this has two, and leaves asking for no more than is wanted to its caller.

WatchedPaths::WatchedPaths() {
  if (!try_again()) log::warn("Paths are looked at every few seconds, since the limit of inotify instances is reached");
}

bool WatchedPaths::try_again() {
  inotify_ = UniqueFd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  return !is_blind();
}

void WatchedPaths::add(Id id, const std::string& path) {
  watches_.push_back(std::make_unique<Watch>(Watch{.id = id, .path = path}));
}

void WatchedPaths::remove(Id id) {
  std::erase_if(watches_, [&](const auto& watch) { return watch->id == id; });
  trim();
}

void WatchedPaths::report_again(Id id) {
  for (const auto& watch : watches_)
    if (watch->id == id) watch->walk_again = watch->path_changed = true;
}

void WatchedPaths::read_events() {
  if (is_blind()) return;
  alignas(inotify_event) char buffer[16384];
  while (true) {
    const auto got = ::read(inotify_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "Failed to read from inotify");
    for (const char* at = buffer; at < buffer + got;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(at);
      note(event);
      at += sizeof(inotify_event) + event.len;
    }
  }
}

void WatchedPaths::note(const inotify_event& event) {
  const std::string name = event.len > 0 ? event.name : "";
  for (const auto& watch : watches_) {
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
        // What came on the way may have brought the path, and it may be gone again when it is looked at.
        watch->walk_again = watch->path_changed = true;
      }
    }
  }
  if ((event.mask & IN_IGNORED) != 0) masks_.erase(event.wd);
}

void WatchedPaths::look_at_all() {
  for (const auto& watch : watches_) watch->walk_again = true;
}

void WatchedPaths::report_all_again() {
  for (const auto& watch : watches_) watch->walk_again = watch->path_changed = true;
}

bool WatchedPaths::has_to_look() const {
  return std::ranges::any_of(watches_, [](const auto& watch) { return watch->walk_again || !watch->entries.empty(); });
}

void WatchedPaths::look(const LooksAt& looks_at, const Report& report) {
  for (const auto& watch : watches_) {
    if (std::exchange(watch->walk_again, false)) {
      const auto target = watch->target;
      const auto facts = watch->facts;
      walk(*watch, looks_at);
      if (watch->target != target || watch->facts != facts) watch->path_changed = true;
    }
    auto entries = std::exchange(watch->entries, {});
    if (std::exchange(watch->path_changed, false)) entries = {""};  // says it all
    if (!entries.empty()) report(watch->id, watch->facts, entries);
  }
}

/// Watches first and looks then, until nothing has changed in between.
void WatchedPaths::walk(Watch& watch, const LooksAt& looks_at) {
  const auto steps = [&](const std::string& at) { looks_at(watch.id, at); };
  PathWalk now = walk_path(watch.path, steps);
  bool settled = false;
  for (int round = 0; round < kSettleRounds && !settled; ++round) {
    watch.interests.clear();
    for (const auto& point : now.points)
      watch.interests.push_back({ask(watch, point), point.role, point.events, point.name});
    PathWalk again = walk_path(watch.path, steps);
    settled = again.same_as(now);
    watch.path_changed |= again.target != now.target;
    now = std::move(again);
  }
  watch.target = now.target;
  watch.facts = {.exists = now.target.has_value(), .mounted = now.mounted};
  trim();
  if (settled) narrow(watch, now);
}

/// Several watches share a folder, and inotify has one descriptor for it. \return it, or -1
int WatchedPaths::ask(Watch& watch, const PathPoint& point) {
  if (is_blind()) return -1;
  const int descriptor =
      inotify_add_watch(inotify_.get(), by_descriptor(point).c_str(), point.events | IN_MASK_ADD | IN_ONLYDIR);
  if (descriptor < 0)
    warn(watch, point.folder_path, errno);
  else
    masks_[descriptor] |= point.events;
  return descriptor;
}

std::uint32_t WatchedPaths::wanted(int descriptor) const {
  std::uint32_t events = 0;
  for (const auto& watch : watches_)
    for (const auto& interest : watch->interests)
      if (interest.descriptor == descriptor) events |= interest.events;
  return events;
}

void WatchedPaths::trim() {
  std::erase_if(masks_, [&](const auto& row) {
    if (wanted(row.first) != 0) return false;
    inotify_rm_watch(inotify_.get(), row.first);
    return true;
  });
}

/// Asks for no more than somebody wants, lest a busy folder on the way wakes us up. Another watch's folder that has
/// become too wide stays so until that is walked again: it costs a wake-up, not a call.
void WatchedPaths::narrow(const Watch& watch, const PathWalk& walked) {
  for (std::size_t i = 0; i < walked.points.size(); ++i) {
    const int descriptor = watch.interests[i].descriptor;
    if (descriptor < 0) continue;
    const std::uint32_t events = wanted(descriptor);
    if (masks_[descriptor] == events) continue;
    inotify_add_watch(inotify_.get(), by_descriptor(walked.points[i]).c_str(), events | IN_ONLYDIR);
    masks_[descriptor] = events;
  }
}

void WatchedPaths::warn(Watch& watch, const std::string& folder, int error_number) {
  if (std::exchange(watch.warned, true)) return;
  // ENOSPC means the limit fs.inotify.max_user_watches, not a full disk.
  const char* const reason =
      error_number == ENOSPC ? "the limit of inotify watches is reached" : std::strerror(error_number);
  log::warn("Failed to watch {} for {}: {}", folder, watch.path, reason);
}

}  // namespace virtsession
