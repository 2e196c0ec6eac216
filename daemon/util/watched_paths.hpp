// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/path_facts.hpp"
#include "util/path_walk.hpp"
#include "util/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct inotify_event;

namespace virtsession {

/// Watches paths with inotify(7), when its owner says that there is something to read: what PathLane
/// does on its thread. One thread at a time. Walks block for as long as the file systems do.
class WatchedPaths {
 public:
  using Id = std::uint64_t;
  /// `entries` as in PathWatcher::Changed.
  using LooksAt = std::function<void(Id, const std::string& at)>;
  using Report = std::function<void(Id, const PathFacts&, const std::set<std::string>& entries)>;

  /// Without an inotify instance, which a user has only so many of, it sees nothing by itself: see try_again().
  WatchedPaths();

  bool is_blind() const { return !inotify_; }
  /// Of one that is blind: asks for an inotify instance once more. \return whether it sees now; then look at all
  bool try_again();
  int descriptor() const { return inotify_.get(); }  ///< readable: call read_events(). -1 of one that is blind
  void add(Id id, const std::string& path);
  void remove(Id id);
  /// Has it looked at and reported again, changed or not.
  void report_again(Id id);
  void read_events();
  /// Mounts have changed: every path may lead to something else.
  void look_at_all();
  /// What happened at any path was not seen.
  void report_all_again();

  bool has_to_look() const;
  /// Looks at what may have changed and reports it, each before the next is looked at.
  /// \param looks_at called before each step that may block, with the path on the way that is looked at
  void look(const LooksAt& looks_at, const Report& report);

 private:
  /// What is kept of a PathPoint: its descriptor would hold the mount.
  struct Interest {
    int descriptor;  ///< of inotify; -1 when the folder cannot be watched, or not any more
    PathPoint::Role role;
    std::uint32_t events;
    std::string name;
  };
  struct Watch {
    Id id;
    std::string path;
    std::vector<Interest> interests = {};
    std::optional<FileIdentity> target = {};
    PathFacts facts = {};
    bool warned = false;
    // Of the events that are being looked at:
    bool walk_again = true;
    bool path_changed = true;
    std::set<std::string> entries = {};
  };

  void note(const inotify_event& event);
  void walk(Watch& watch, const LooksAt& looks_at);
  int ask(Watch& watch, const PathPoint& point);
  std::uint32_t wanted(int descriptor) const;
  void trim();
  void narrow(const Watch& watch, const PathWalk& walked);
  static void warn(Watch& watch, const std::string& folder, int error_number);

  UniqueFd inotify_;
  std::vector<std::unique_ptr<Watch>> watches_;
  std::map<int, std::uint32_t> masks_;  ///< what inotify has been asked for, by descriptor
};

}  // namespace virtsession
