// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/task_queue.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {

void TaskQueue::push(const std::string& key, TaskPace pace, Run run) {
  Key& entry = keys_[key];
  entry.waiting.push_back({next_number_++, pace, std::move(run)});
  if (!entry.in_progress && entry.waiting.size() == 1) offer(key, entry);
}

void TaskQueue::offer(const std::string& key, const Key& entry) {
  const Task& first = entry.waiting.front();
  runnable_[index(first.pace)].emplace(first.number, key);
}

bool TaskQueue::may_run(TaskPace pace) const {
  if (pace != TaskPace::quick && slow_in_progress_ >= slow_limit_) return false;
  if (pace == TaskPace::guest) return guest_in_progress_ < guest_limit_;
  return pace != TaskPace::lengthy || lengthy_in_progress_ < lengthy_limit_;
}

std::optional<TaskQueue::Next> TaskQueue::pop() {
  for (const TaskPace pace : {TaskPace::quick, TaskPace::slow, TaskPace::lengthy, TaskPace::guest}) {
    auto& runnable = runnable_[index(pace)];
    if (runnable.empty() || !may_run(pace)) continue;
    const std::string key = std::move(runnable.begin()->second);
    runnable.erase(runnable.begin());
    Key& entry = keys_[key];
    Next next{key, pace, std::move(entry.waiting.front().run)};
    entry.waiting.pop_front();
    entry.in_progress = true;
    if (pace != TaskPace::quick) ++slow_in_progress_;
    if (pace == TaskPace::lengthy) ++lengthy_in_progress_;
    if (pace == TaskPace::guest) ++guest_in_progress_;
    return next;
  }
  return std::nullopt;
}

void TaskQueue::finished(const std::string& key, TaskPace pace) {
  if (pace != TaskPace::quick) --slow_in_progress_;
  if (pace == TaskPace::lengthy) --lengthy_in_progress_;
  if (pace == TaskPace::guest) --guest_in_progress_;
  const auto found = keys_.find(key);
  found->second.in_progress = false;
  if (found->second.waiting.empty())
    keys_.erase(found);
  else
    offer(key, found->second);
}

std::size_t TaskQueue::runnable() const {
  const auto left = [](unsigned limit, unsigned in_progress) {
    return std::size_t{limit - std::min(limit, in_progress)};
  };
  const auto waiting = [this](TaskPace pace) { return runnable_[index(pace)].size(); };
  const auto lengthy = std::min(waiting(TaskPace::lengthy), left(lengthy_limit_, lengthy_in_progress_));
  const auto guest = std::min(waiting(TaskPace::guest), left(guest_limit_, guest_in_progress_));
  const auto slow = std::min(waiting(TaskPace::slow) + lengthy + guest, left(slow_limit_, slow_in_progress_));
  return waiting(TaskPace::quick) + slow;
}

bool TaskQueue::has_waiting(const std::string& key) const {
  const auto found = keys_.find(key);
  return found != keys_.end() && !found->second.waiting.empty();
}

}  // namespace virtsession
