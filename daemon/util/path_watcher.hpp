// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/path_facts.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace virtsession {

class EventLoop;

/// Tells when something changes at a path, with inotify(7) and, for mounts, the kernel's notice at
/// /proc/self/mountinfo (proc(5)): a disk or an encrypted home that arrives at a mount point is seen. Polls only while
/// the user has no inotify instance left, every few seconds. What it cannot see: changes that another host makes on a
/// network file system, entries of a folder that this user may not read, and what an autofs mount point would mount.
///
/// File systems are touched by threads only (PathLane), as any of them may hang. One thread watches all paths; when the
/// look at one of them takes longer than a limit, that path does not answer, and the others move on to another thread.
/// Its answer counts when it comes.
///
/// Loop's thread only. The loop outlives it; handles may outlive it.
class PathWatcher {
 public:
  /// `entry` is the name in the folder at the path that came, went, or was replaced. It is empty when it is about the
  /// path itself, or when changes may have been missed: then look at everything anew. Several changes may become one
  /// call, and a call may come without a change. It may drop any handle, its own too, and the watcher.
  using Changed = std::function<void(const std::string& entry)>;

  /// Ends its watch when it goes. Movable; empty when default-constructed.
  class Handle;

  /// \param limit of a look; then the path does not answer
  explicit PathWatcher(EventLoop& loop, std::chrono::milliseconds limit = std::chrono::seconds(2));
  ~PathWatcher();
  PathWatcher(const PathWatcher&) = delete;
  PathWatcher& operator=(const PathWatcher&) = delete;

  /// Calls `changed` from the loop: once when the path is watched, or does not answer, with an empty entry; and after
  /// the file at `path` appeared, vanished or was replaced, the folder there appeared, vanished or was mounted over, or
  /// an entry of that folder did. Not for what is written into files. Look at the path after the first call, not
  /// before, and no change is lost.
  /// The path need not exist, nor its parents; symbolic links on the way are followed, and watched.
  /// A folder that cannot be watched (no permission, inotify's limits) is logged once.
  /// \throws std::invalid_argument when `path` is not absolute
  [[nodiscard]] Handle watch(const std::string& path, Changed changed);

 private:
  struct Impl;
  struct Watch;
  std::shared_ptr<Impl> impl_;
};

class PathWatcher::Handle {
 public:
  Handle() = default;
  ~Handle();
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;

  explicit operator bool() const { return watch_ != nullptr; }
  /// As of the last call of `changed`; nothing before the first.
  std::optional<PathFacts> facts() const;
  void reset();

 private:
  friend class PathWatcher;
  std::weak_ptr<Impl> impl_;
  std::shared_ptr<Watch> watch_;
};

}  // namespace virtsession
