// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace virtsession {

/// How long a task may take, and so which goes first.
enum class TaskPace {
  quick,    ///< milliseconds: before all others
  slow,     ///< up to seconds, or as long as a guest's agent takes: some workers never take one
  lengthy,  ///< as long as a guest's memory takes to be written or read: fewer workers still take one
  guest,    ///< as long as a guest likes to take, and of use to people alone: the fewest workers take one
};

/// Decides which task runs next. Tasks of one key run one after the other in the order they came; among the keys, by
/// pace, then in the order they came. Not thread-safe.
class TaskQueue {
 public:
  using Run = std::function<void()>;

  /// A task that is to run now. It is in progress until finished().
  struct Next {
    std::string key;
    TaskPace pace;
    Run run;
  };

  /// \param slow_limit how many tasks that are not quick may be in progress at once
  /// \param lengthy_limit how many of those may be lengthy \param guest_limit how many may wait for a guest
  TaskQueue(unsigned slow_limit, unsigned lengthy_limit, unsigned guest_limit)
      : slow_limit_(slow_limit), lengthy_limit_(lengthy_limit), guest_limit_(guest_limit) {}

  void push(const std::string& key, TaskPace pace, Run run);
  /// The task to run now, or nothing when all that wait must wait for another to finish.
  std::optional<Next> pop();
  void finished(const std::string& key, TaskPace pace);

  /// How many tasks pop() would give one after the other, if none finished meanwhile.
  std::size_t runnable() const;
  /// Whether a task of the key has not been begun yet.
  bool has_waiting(const std::string& key) const;

 private:
  struct Task {
    std::uint64_t number;
    TaskPace pace;
    Run run;
  };
  struct Key {
    std::deque<Task> waiting;
    bool in_progress = false;
  };

  void offer(const std::string& key, const Key& entry);
  bool may_run(TaskPace pace) const;
  static std::size_t index(TaskPace pace) { return static_cast<std::size_t>(pace); }

  unsigned slow_limit_;
  unsigned lengthy_limit_;
  unsigned guest_limit_;
  unsigned slow_in_progress_ = 0;  // all that are not quick
  unsigned lengthy_in_progress_ = 0;
  unsigned guest_in_progress_ = 0;
  std::uint64_t next_number_ = 0;
  std::map<std::string, Key> keys_;                               // those with a task, waiting or in progress
  std::array<std::map<std::uint64_t, std::string>, 4> runnable_;  // by pace: number of a key's first task -> key
};

}  // namespace virtsession
