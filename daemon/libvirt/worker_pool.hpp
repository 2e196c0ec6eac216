// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "libvirt/task_queue.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace virtsession {

/// Threads that run the tasks of a TaskQueue; they are started when there is work for them and end with finish(). The
/// threads share nothing with this object that must outlive them, so that one which hangs can be left behind.
class WorkerPool {
 public:
  using Task = TaskQueue::Run;
  using OnException = std::function<void(std::exception_ptr)>;

  struct Limits {
    unsigned workers = 5;        ///< a libvirt daemon takes that many requests of a connection at once
    unsigned slow_tasks = 4;     ///< all that are not quick, so that one worker is always free for what is quick
    unsigned lengthy_tasks = 3;  ///< so that starts and stops go on while guests are saved
    unsigned guest_tasks = 2;    ///< so that they go on whatever guests do
  };

  /// \param on_exception is given what a task throws, on the worker's thread
  explicit WorkerPool(OnException on_exception) : WorkerPool(std::move(on_exception), Limits()) {}
  WorkerPool(OnException on_exception, Limits limits);
  /// finish() without a last task. Does not wait: threads that are still in a task are left to end by themselves.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Queues a task behind those of the same key. Dropped after finish(). From any thread.
  /// \throws std::system_error when there is no worker at all and no thread can be started
  void submit(const std::string& key, TaskPace pace, Task task);
  /// submit(), unless a task of the key still waits to be begun. From any thread.
  void submit_unless_waiting(const std::string& key, TaskPace pace, Task task);

  /// Drops what waits, runs `last` on a worker when everything in progress has ended, and ends the threads. Returns at
  /// once. Only the first call counts. From any thread.
  void finish(Task last);
  /// Whether every thread has ended. Only after finish() does this stay so.
  bool ended() const;
  /// Waits until every thread has ended. \return false when `deadline` came first
  bool wait_ended(std::chrono::steady_clock::time_point deadline) const;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace virtsession
