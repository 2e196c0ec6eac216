// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/thread.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace virtsession {

using Deadline = std::chrono::steady_clock::time_point;

/// How many threads of Bounded run in this process, those that were given up on included.
inline std::atomic<int> bounded_threads = 0;
/// Past it, nothing more is begun: what hangs once (a network file system) would hang every time.
inline constexpr int kMaxBoundedThreads = 64;

/// Something that may block for ever, on a thread of its own. Whoever waits gives up at a deadline; the thread is left
/// to end by itself, or with the process. So `body` owns all that it uses.
template <class T>
class Bounded {
 public:
  /// \param name as for start_thread() \param then called by the thread when get() has the result; may be empty
  Bounded(const char* name, std::function<T()> body, std::function<void()> then = {})
      : state_(std::make_shared<State>()) {
    if (bounded_threads >= kMaxBoundedThreads) return;
    ++bounded_threads;
    try {
      start_thread(name, [state = state_, run = std::move(body), tell = std::move(then)]() mutable {
        run_and_tell(*state, std::exchange(run, nullptr));
        if (tell) tell();
        --bounded_threads;
      }).detach();
    } catch (const std::system_error&) {  // no thread to be had: as if it hung
      --bounded_threads;
    }
  }

  /// Waits for the result. \return nothing when there is none at the deadline, or `body` threw; see failure(). Once.
  std::optional<T> get(Deadline deadline) {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_until(lock, deadline, [this] { return state_->ended; });
    return std::exchange(state_->result, std::nullopt);
  }

  /// What `body` threw, which is a bug: it is not to be taken for something that hangs. Empty when it did not, or not
  /// yet.
  std::string failure() const {
    const std::lock_guard lock(state_->mutex);
    return state_->failure;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    std::optional<T> result;
    std::string failure;
  };

  static void run_and_tell(State& state, std::function<T()> run) {
    std::optional<T> result;
    std::string failure;
    try {
      result = run();
    } catch (const std::exception& error) {
      failure = error.what();
    } catch (...) {
      failure = "an unknown exception";
    }
    const std::lock_guard lock(state.mutex);
    state.result = std::move(result);
    state.failure = std::move(failure);
    state.ended = true;
    state.changed.notify_all();
  }

  std::shared_ptr<State> state_;
};

}  // namespace virtsession
