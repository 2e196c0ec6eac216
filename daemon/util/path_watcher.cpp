// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/path_watcher.hpp"

#include "util/event_loop.hpp"
#include "util/log.hpp"
#include "util/mount_table.hpp"
#include "util/path_lane.hpp"
#include "util/thread_mail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

/// Past it, a path that would need another thread does not answer until one is free.
constexpr std::size_t kMostLanes = 16;

using Id = PathLane::Id;
using Clock = EventLoop::Clock;

/// A thread, and what is known of it.
struct LaneInUse {
  std::unique_ptr<PathLane> lane;
  std::optional<Clock::time_point> busy_since;  ///< it may be looking at something
  std::string hangs_at;                         ///< the path that it hangs at; empty when it does not
  std::string hung_mount;                       ///< Mount::key() of the file system that hangs, if it is known
};

}  // namespace

struct PathWatcher::Watch {
  Id id = 0;
  std::string path;
  Changed changed;
  int lane = -1;  ///< -1: there is none for it now
  std::optional<PathFacts> facts;
  bool removed = false;
};

struct PathWatcher::Impl {
  Impl(EventLoop& loop, std::chrono::milliseconds at_most)
      : limit(at_most),
        mail(loop),
        timer(loop, [this] { look_for_hung_lanes(); }),
        mounts(loop, [this] { on_mounts(); }) {}

  const std::chrono::milliseconds limit;
  std::map<int, LaneInUse> lanes;
  int next_lane = 0;
  Id next_id = 1;
  std::map<Id, std::shared_ptr<Watch>> watches;
  std::weak_ptr<Impl> self;
  ThreadMail mail;
  Timer timer;
  MountTable mounts;

  std::shared_ptr<Watch> add(const std::string& path, Changed changed);
  void remove(Watch& watch);
  void assign(Watch& watch);
  void assign_stranded();
  int lane_for(const std::string& path);
  bool hangs(const LaneInUse& lane, const std::string& path) const;
  void on_mounts();
  int new_lane();
  void drop_idle_lane(int number);
  void on_begins(int number);
  void on_changed(int number, Id id, const PathFacts& facts, const std::set<std::string>& entries);
  void on_idle(int number);
  void look_for_hung_lanes();
  void give_up(int number, const PathLane::Look& look);
  void arm();
  void tell(const std::shared_ptr<Watch>& watch, const PathFacts& facts);
  std::size_t watches_of(int number) const;
};

std::shared_ptr<PathWatcher::Watch> PathWatcher::Impl::add(const std::string& path, Changed changed) {
  auto watch = std::make_shared<Watch>();
  watch->id = next_id++;
  watch->path = path;
  watch->changed = std::move(changed);
  watches[watch->id] = watch;
  assign(*watch);
  return watch;
}

void PathWatcher::Impl::remove(Watch& watch) {
  watch.removed = true;
  watches.erase(watch.id);
  if (const auto lane = lanes.find(watch.lane); lane != lanes.end()) lane->second.lane->remove(watch.id);
  drop_idle_lane(watch.lane);
}

/// Gives it to a lane that can look at it. Where none can, it does not answer.
void PathWatcher::Impl::assign(Watch& watch) {
  watch.lane = lane_for(watch.path);
  const auto lane = lanes.find(watch.lane);
  if (lane != lanes.end()) {
    lane->second.lane->add(watch.id, watch.path);
    if (lane->second.hangs_at.empty()) {
      if (!lane->second.busy_since) lane->second.busy_since = Clock::now();
      return arm();
    }
  }
  mail.sender().send([this, id = watch.id] {
    const auto found = watches.find(id);
    if (found == watches.end()) return;
    const auto at = lanes.find(found->second->lane);
    if (at == lanes.end() || !at->second.hangs_at.empty()) tell(found->second, {.answers = false});
  });
}

void PathWatcher::Impl::assign_stranded() {
  for (const auto& [id, watch] : watches)
    if (watch->lane < 0) assign(*watch);
}

/// What hangs once would hang the next lane as well.
int PathWatcher::Impl::lane_for(const std::string& path) {
  int free = -1;
  for (const auto& [number, lane] : lanes) {
    if (hangs(lane, path)) return number;
    if (free < 0 && lane.hangs_at.empty()) free = number;
  }
  return free >= 0 ? free : new_lane();
}

bool PathWatcher::Impl::hangs(const LaneInUse& lane, const std::string& path) const {
  if (lane.hangs_at.empty()) return false;
  if (lane.hung_mount.empty()) return path == lane.hangs_at;
  const auto* const mount = mount_of(mounts.mounts(), path);
  return mount && mount->key() == lane.hung_mount;
}

/// A path that does not lie on what hangs any more (umount -l) is not held up by the thread that is still stuck there.
void PathWatcher::Impl::on_mounts() {
  const auto alive = self.lock();  // what is called may drop the watcher
  const auto all = watches;
  for (const auto& [id, watch] : all) {
    const auto lane = lanes.find(watch->lane);
    if (watch->removed || lane == lanes.end() || lane->second.hung_mount.empty() || hangs(lane->second, watch->path))
      continue;
    lane->second.lane->remove(id);
    assign(*watch);
  }
}

int PathWatcher::Impl::new_lane() {
  if (lanes.size() >= kMostLanes) return -1;
  const int number = next_lane++;
  // The mail drops what comes after this is gone; a handler may drop the watcher, so each keeps this while it runs.
  const auto call = [sender = mail.sender(), weak = self](auto what) {
    sender.send([weak, what] {
      if (const auto alive = weak.lock()) what(*alive);
    });
  };
  try {
    lanes[number].lane = std::make_unique<PathLane>(PathLane::Handlers{
        .begins = [call, number] { call([number](Impl& impl) { impl.on_begins(number); }); },
        .changed =
            [call, number](Id id, const PathFacts& facts, const std::set<std::string>& entries) {
              call([number, id, facts, entries](Impl& impl) { impl.on_changed(number, id, facts, entries); });
            },
        .idle = [call, number] { call([number](Impl& impl) { impl.on_idle(number); }); }});
  } catch (const std::system_error& error) {
    lanes.erase(number);
    log::warn("Failed to watch paths: {}", error.what());
    return -1;
  }
  return number;
}

std::size_t PathWatcher::Impl::watches_of(int number) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(watches, [&](const auto& entry) { return entry.second->lane == number; }));
}

/// One that has hung and has nothing left to watch is not needed any more.
void PathWatcher::Impl::drop_idle_lane(int number) {
  const auto lane = lanes.find(number);
  if (lane != lanes.end() && lanes.size() > 1 && lane->second.hangs_at.empty() && watches_of(number) == 0)
    lanes.erase(lane);
}

void PathWatcher::Impl::on_begins(int number) {
  const auto lane = lanes.find(number);
  if (lane == lanes.end() || lane->second.busy_since) return;
  lane->second.busy_since = Clock::now();
  arm();
}

void PathWatcher::Impl::on_changed(int number, Id id, const PathFacts& facts, const std::set<std::string>& entries) {
  const auto found = watches.find(id);
  if (found == watches.end() || found->second->lane != number) return;  // it has moved
  const auto watch = found->second;
  watch->facts = facts;
  for (const auto& entry : entries)
    if (!watch->removed) watch->changed(entry);
}

void PathWatcher::Impl::on_idle(int number) {
  const auto lane = lanes.find(number);
  if (lane == lanes.end()) return;
  lane->second.busy_since.reset();
  if (lane->second.hangs_at.empty()) return arm();
  log::info("{} answers again", lane->second.hangs_at);
  lane->second.hangs_at.clear();
  lane->second.hung_mount.clear();
  assign_stranded();
  drop_idle_lane(number);
  arm();
}

void PathWatcher::Impl::arm() {
  std::optional<Clock::time_point> first;
  for (const auto& [number, lane] : lanes)
    if (lane.busy_since && lane.hangs_at.empty() && (!first || *lane.busy_since < *first)) first = lane.busy_since;
  if (first)
    timer.set(*first + limit);
  else
    timer.cancel();
}

void PathWatcher::Impl::look_for_hung_lanes() {
  const auto alive = self.lock();  // what is called may drop the watcher
  const auto now = Clock::now();
  std::vector<std::pair<int, PathLane::Look>> hung;
  for (auto& [number, lane] : lanes) {
    if (!lane.busy_since || !lane.hangs_at.empty() || now < *lane.busy_since + limit) continue;
    const auto look = lane.lane->look();
    if (look && now >= look->since + limit)
      hung.emplace_back(number, *look);
    else
      lane.busy_since = look ? look->since : now;  // it gets on
  }
  for (const auto& [number, look] : hung) give_up(number, look);
  arm();
}

/// All but what would hang as well moves on.
void PathWatcher::Impl::give_up(int number, const PathLane::Look& look) {
  auto& lane = lanes.at(number);
  const auto* const mount = mount_of(mounts.mounts(), look.at);
  if (mount) lane.hung_mount = mount->key();
  const auto hung = watches.find(look.id);
  lane.hangs_at = hung == watches.end() ? look.at : hung->second->path;
  log::warn("{} does not answer", lane.hangs_at);
  const auto all = watches;  // what is called may add or drop any
  for (const auto& [id, watch] : all) {
    if (watch->lane != number || watch->removed) continue;
    if (hangs(lane, watch->path)) {
      lane.lane->report_again(id);  // it may find all as it was
      tell(watch, {.answers = false});
    } else {
      lane.lane->remove(id);
      assign(*watch);
    }
  }
}

void PathWatcher::Impl::tell(const std::shared_ptr<Watch>& watch, const PathFacts& facts) {
  watch->facts = facts;
  if (!watch->removed) watch->changed({});
}

PathWatcher::PathWatcher(EventLoop& loop, std::chrono::milliseconds limit)
    : impl_(std::make_shared<Impl>(loop, limit)) {
  impl_->self = impl_;
}

PathWatcher::~PathWatcher() {
  for (const auto& [id, watch] : impl_->watches) watch->removed = true;
  impl_->watches.clear();
  impl_->lanes.clear();
}

PathWatcher::Handle PathWatcher::watch(const std::string& path, Changed changed) {
  if (path.empty() || path.front() != '/')
    throw std::invalid_argument(fmt::format("Cannot watch \"{}\": the path is not absolute", path));
  Handle handle;
  handle.impl_ = impl_;
  handle.watch_ = impl_->add(path, std::move(changed));
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

std::optional<PathFacts> PathWatcher::Handle::facts() const { return watch_ ? watch_->facts : std::nullopt; }

void PathWatcher::Handle::reset() {
  if (const auto impl = impl_.lock(); impl && watch_ && !watch_->removed) impl->remove(*watch_);
  watch_.reset();
  impl_.reset();
}

}  // namespace virtsession
