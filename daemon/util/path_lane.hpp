// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/watched_paths.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace virtsession {

/// A thread that watches paths. A file system that hangs holds up this thread, and with it the other paths of the lane
/// until they are moved to another one. It ends by itself after quit(), when what it waits for lets it.
/// To be used from one thread; the handlers are called on the lane's own.
class PathLane {
 public:
  using Id = WatchedPaths::Id;
  using Clock = std::chrono::steady_clock;
  struct Handlers {
    std::function<void()> begins;  ///< it looks at something, which may take long
    WatchedPaths::Report changed;
    std::function<void()> idle;  ///< all that there was to look at has been
  };
  struct Look {
    Id id;
    std::string at;  ///< on the way to its path, with links followed
    Clock::time_point since;
  };

  /// \throws std::system_error when there is no thread, or no descriptor, to be had
  explicit PathLane(Handlers handlers);
  ~PathLane();
  PathLane(const PathLane&) = delete;
  PathLane& operator=(const PathLane&) = delete;

  void add(Id id, const std::string& path);
  void remove(Id id);
  /// Has a path reported when it can be looked at, changed or not.
  void report_again(Id id);
  /// What it looks at now.
  std::optional<Look> look() const;

 private:
  struct State;
  static void run(State& state);

  std::shared_ptr<State> state_;
};

}  // namespace virtsession
