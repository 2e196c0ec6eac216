// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/worker_pool.hpp"

#include "util/thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace virtsession {

struct WorkerPool::Shared : std::enable_shared_from_this<Shared> {
  Shared(OnException handler, Limits given)
      : on_exception(std::move(handler)),
        limits(given),
        queue(given.slow_tasks, given.lengthy_tasks, given.guest_tasks) {}

  void work();
  void run(std::unique_lock<std::mutex>& lock, Task& task);
  void start_workers();

  const OnException on_exception;
  const Limits limits;
  std::mutex mutex;                  // guards everything below
  std::condition_variable has_work;  // or is finishing: the idle workers wait for it
  std::condition_variable has_ended;
  TaskQueue queue;
  Task last;
  bool finishing = false;
  std::vector<std::thread> threads;
  unsigned alive = 0;        // threads that have not ended
  unsigned idle = 0;         // of those, the ones that wait for a task
  unsigned in_progress = 0;  // tasks
};

// Runs without the lock, and destroys what the task owns without it, too.
void WorkerPool::Shared::run(std::unique_lock<std::mutex>& lock, Task& task) {
  ++in_progress;
  lock.unlock();
  try {
    task();
  } catch (...) {
    on_exception(std::current_exception());
  }
  task = nullptr;
  lock.lock();
  --in_progress;
}

void WorkerPool::Shared::work() {
  std::unique_lock lock(mutex);
  --idle;  // a worker is idle from its start until it looks for a task
  while (!finishing) {
    if (auto next = queue.pop()) {
      run(lock, next->run);
      if (finishing) break;  // the queue is another one now, which knows nothing of this task
      queue.finished(next->key, next->pace);
      // The end of one task may allow two: its key's next and a lengthy one that waited. This worker takes one.
      ++idle;
      start_workers();
      --idle;
    } else {
      ++idle;
      has_work.wait(lock);
      --idle;
    }
  }
  if (in_progress == 0 && last) {
    Task task = std::exchange(last, nullptr);
    run(lock, task);
  }
  --alive;
  has_ended.notify_all();
}

// With the mutex held. An idle worker may be on its way to a task already, so it is their number that counts.
void WorkerPool::Shared::start_workers() {
  for (auto woken = std::min<std::size_t>(queue.runnable(), idle); woken > 0; --woken) has_work.notify_one();
  while (queue.runnable() > idle && alive < limits.workers) {
    try {
      threads.push_back(start_thread("libvirt-worker", [shared = shared_from_this()] { shared->work(); }));
    } catch (...) {
      if (alive == 0) throw;
      return;  // those that are there do the work
    }
    ++alive;
    ++idle;
  }
}

WorkerPool::WorkerPool(OnException on_exception, Limits limits)
    : shared_(std::make_shared<Shared>(std::move(on_exception), limits)) {}

WorkerPool::~WorkerPool() {
  finish(nullptr);
  std::vector<std::thread> threads;
  bool ended = false;
  {
    const std::lock_guard lock(shared_->mutex);
    threads.swap(shared_->threads);
    ended = shared_->alive == 0;
  }
  for (std::thread& thread : threads) ended ? thread.join() : thread.detach();
}

void WorkerPool::submit(const std::string& key, TaskPace pace, Task task) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->finishing) return;
  shared_->queue.push(key, pace, std::move(task));
  shared_->start_workers();
}

void WorkerPool::submit_unless_waiting(const std::string& key, TaskPace pace, Task task) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->finishing || shared_->queue.has_waiting(key)) return;
  shared_->queue.push(key, pace, std::move(task));
  shared_->start_workers();
}

void WorkerPool::finish(Task last) {
  TaskQueue dropped(0, 0, 0);
  const std::lock_guard lock(shared_->mutex);
  if (shared_->finishing) return;
  shared_->finishing = true;
  std::swap(dropped, shared_->queue);
  // Without a thread there was no task, and so there is nothing for `last` to end.
  if (shared_->alive > 0) shared_->last = std::move(last);
  shared_->has_work.notify_all();
  // `dropped` and `last` outlive the lock: what tasks own may call back while it is destroyed.
}

bool WorkerPool::ended() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->alive == 0;
}

bool WorkerPool::wait_ended(std::chrono::steady_clock::time_point deadline) const {
  std::unique_lock lock(shared_->mutex);
  return shared_->has_ended.wait_until(lock, deadline, [this] { return shared_->alive == 0; });
}

}  // namespace virtsession
