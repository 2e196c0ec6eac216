// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/event_loop.hpp"

#include <functional>
#include <memory>

namespace virtsession {

/// What threads leave for the loop that may outlive it, or its owner: those that are given up on when a file system
/// hangs. EventLoop::post() is for threads that are waited for. A member of the object that the mail is for; loop's
/// thread only, and the loop outlives it.
class ThreadMail {
 public:
  /// \throws std::system_error when the kernel gives no descriptor
  explicit ThreadMail(EventLoop& loop);
  ~ThreadMail();
  ThreadMail(const ThreadMail&) = delete;
  ThreadMail& operator=(const ThreadMail&) = delete;

  /// Copyable; from any thread, at any time.
  class Sender;
  Sender sender() const;

  /// Runs `body` on a thread of its own, and `done` with its result on the loop, unless this is gone by then. `body`
  /// owns all that it uses; when it throws, that is logged, and `done` is not called. Never waits. \param name as for
  /// start_thread() \return false when there can be no thread
  template <class T>
  bool run(const char* name, std::function<T()> body, std::function<void(T)> done) const;

 private:
  struct Box;
  void deliver();

  std::shared_ptr<Box> box_;
  EventSource source_;
};

class ThreadMail::Sender {
 public:
  /// Runs `handler` on the loop, in the order of the calls; drops it when the mail is gone.
  void send(std::function<void()> handler) const;

 private:
  friend class ThreadMail;
  explicit Sender(std::shared_ptr<Box> box) : box_(std::move(box)) {}
  std::shared_ptr<Box> box_;
};

/// start_thread() and detach. What `body` throws is logged. \return false when there can be no thread
bool start_detached(const char* name, std::function<void()> body);

template <class T>
bool ThreadMail::run(const char* name, std::function<T()> body, std::function<void(T)> done) const {
  return start_detached(name, [mail = sender(), body = std::move(body), done = std::move(done)] {
    mail.send([done, result = body()]() mutable { done(std::move(result)); });
  });
}

}  // namespace virtsession
