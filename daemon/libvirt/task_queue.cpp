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

std::optional<TaskQueue::Next> TaskQueue::pop() {
  for (const TaskPace pace : {TaskPace::quick, TaskPace::slow, TaskPace::lengthy}) {
    auto& runnable = runnable_[index(pace)];
    if (runnable.empty()) continue;
    if (pace == TaskPace::lengthy && lengthy_in_progress_ >= lengthy_limit_) continue;
    const std::string key = std::move(runnable.begin()->second);
    runnable.erase(runnable.begin());
    Key& entry = keys_[key];
    Next next{key, pace, std::move(entry.waiting.front().run)};
    entry.waiting.pop_front();
    entry.in_progress = true;
    if (pace == TaskPace::lengthy) ++lengthy_in_progress_;
    return next;
  }
  return std::nullopt;
}

void TaskQueue::finished(const std::string& key, TaskPace pace) {
  if (pace == TaskPace::lengthy) --lengthy_in_progress_;
  const auto found = keys_.find(key);
  found->second.in_progress = false;
  if (found->second.waiting.empty())
    keys_.erase(found);
  else
    offer(key, found->second);
}

std::size_t TaskQueue::runnable() const {
  const std::size_t lengthy_left = lengthy_limit_ - std::min(lengthy_limit_, lengthy_in_progress_);
  return runnable_[index(TaskPace::quick)].size() + runnable_[index(TaskPace::slow)].size() +
         std::min(runnable_[index(TaskPace::lengthy)].size(), lengthy_left);
}

bool TaskQueue::has_waiting(const std::string& key) const {
  const auto found = keys_.find(key);
  return found != keys_.end() && !found->second.waiting.empty();
}

}  // namespace virtsession
