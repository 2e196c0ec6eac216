// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace virtsession {

namespace {

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), what);
  return result;
}

// Ready sources of the default priority go first, so that everything of a pass has run when its end is announced.
constexpr auto kPassEndPriority = SD_EVENT_PRIORITY_IDLE;

}  // namespace

struct EventLoop::Callback {
  EventLoop& loop;
  IoHandler handler;
  Handler before_poll;

  /// Nothing may be thrown through sd-event's C frames: the first exception is kept for run() and ends the loop.
  template <class F>
  int guard(F&& call) noexcept {
    try {
      call();
    } catch (...) {
      if (!loop.failure_) loop.failure_ = std::current_exception();
      sd_event_exit(loop.get(), -1);
    }
    return 0;
  }

  static Callback& from(void* self) { return *static_cast<Callback*>(self); }

  static int io(sd_event_source*, int, std::uint32_t revents, void* self) {
    return from(self).guard([&] { from(self).handler(revents); });
  }
  static int time(sd_event_source*, std::uint64_t, void* self) {
    return from(self).guard([&] { from(self).handler(0); });
  }
  static int signal(sd_event_source*, const signalfd_siginfo*, void* self) {
    return from(self).guard([&] { from(self).handler(0); });
  }
  static int plain(sd_event_source*, void* self) {
    return from(self).guard([&] { from(self).handler(0); });
  }
  static int prepare(sd_event_source*, void* self) {
    return from(self).guard([&] { from(self).before_poll(); });
  }
  static void destroy(void* self) { delete static_cast<Callback*>(self); }
};

EventSource EventLoop::adopt(sd_event_source* source, std::unique_ptr<Callback> callback) {
  EventSource owned(source);
  // The callback goes with the source, which sd-event keeps until the handler that drops it has returned.
  check(sd_event_source_set_destroy_callback(source, Callback::destroy), "Failed to own an event source");
  sd_event_source_set_userdata(source, callback.release());
  return owned;
}

EventLoop::EventLoop() {
  sd_event* event = nullptr;
  check(sd_event_new(&event), "Failed to create the event loop");
  event_.reset(event);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "Failed to create an eventfd");
  try {
    wake_source_ = watch_io(wake_fd_, EPOLLIN, [this](std::uint32_t) { dispatch_posted(); });
  } catch (...) {
    close(wake_fd_);
    throw;
  }
}

EventLoop::~EventLoop() {
  end();
  wake_source_.reset();
  close(wake_fd_);
}

int EventLoop::run() {
  const int code = sd_event_loop(event_.get());
  end();
  rethrow_failure();
  return check(code, "Failed to run the event loop");
}

bool EventLoop::run_once(std::chrono::microseconds at_most) {
  const auto timeout = static_cast<std::uint64_t>(std::max<std::int64_t>(at_most.count(), 0));
  if (sd_event_get_state(event_.get()) != SD_EVENT_FINISHED)
    check(sd_event_run(event_.get(), timeout), "Failed to run the event loop");
  const bool finished = sd_event_get_state(event_.get()) == SD_EVENT_FINISHED;
  if (finished) end();
  rethrow_failure();
  return !finished;
}

void EventLoop::rethrow_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void EventLoop::quit(int code) { sd_event_exit(event_.get(), code); }

void EventLoop::end() {
  std::vector<Handler> dropped;
  const std::lock_guard lock(mutex_);
  ended_ = true;
  dropped.swap(posted_);
  // `dropped` outlives the lock: what handlers own may call post() while it is destroyed.
}

void EventLoop::post(Handler handler) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  posted_.push_back(std::move(handler));
  // One wake-up for a whole batch. The counter cannot overflow, so the write cannot fail.
  if (posted_.size() == 1) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
  }
}

void EventLoop::post(std::weak_ptr<const void> owner, Handler handler) {
  post([owner = std::move(owner), handler = std::move(handler)] {
    if (const auto alive = owner.lock()) handler();
  });
}

void EventLoop::dispatch_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(wake_fd_, &count, sizeof count);
  std::vector<Handler> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(posted_);
  }
  for (auto& handler : batch) {
    int code = 0;
    if (sd_event_get_exit_code(event_.get(), &code) != -ENODATA) return;  // quit() was called
    handler();
    handler = nullptr;  // what it owns goes in order, too
  }
}

EventSource EventLoop::on_pass_end(Handler handler) {
  auto callback = std::make_unique<Callback>(Callback{*this, [h = std::move(handler)](std::uint32_t) { h(); }, {}});
  sd_event_source* source = nullptr;
  check(sd_event_add_post(event_.get(), &source, Callback::plain, nullptr), "Failed to watch the end of a pass");
  EventSource owned = adopt(source, std::move(callback));
  check(sd_event_source_set_priority(source, kPassEndPriority), "Failed to order the end of a pass");
  return owned;
}

EventSource EventLoop::watch_io(int fd, std::uint32_t events, IoHandler handler, Handler before_poll) {
  auto callback = std::make_unique<Callback>(Callback{*this, std::move(handler), std::move(before_poll)});
  const bool prepares = static_cast<bool>(callback->before_poll);
  sd_event_source* source = nullptr;
  check(sd_event_add_io(event_.get(), &source, fd, events, Callback::io, nullptr), "Failed to watch a file descriptor");
  EventSource owned = adopt(source, std::move(callback));
  if (prepares) check(sd_event_source_set_prepare(source, Callback::prepare), "Failed to prepare an event source");
  return owned;
}

EventSource EventLoop::on_signal(int signal_number, Handler handler) {
  auto callback = std::make_unique<Callback>(Callback{*this, [h = std::move(handler)](std::uint32_t) { h(); }, {}});
  sd_event_source* source = nullptr;
  check(sd_event_add_signal(event_.get(), &source, signal_number, Callback::signal, nullptr),
        "Failed to watch a signal (is it blocked?)");
  return adopt(source, std::move(callback));
}

void EventLoop::enable_watchdog() {
  check(sd_event_set_watchdog(event_.get(), 1), "Failed to serve systemd's watchdog");
}

Timer::Timer(EventLoop& loop, EventLoop::Handler handler) {
  auto callback = std::make_unique<EventLoop::Callback>(
      EventLoop::Callback{loop, [h = std::move(handler)](std::uint32_t) { h(); }, {}});
  sd_event_source* source = nullptr;
  check(sd_event_add_time(loop.get(), &source, CLOCK_MONOTONIC, 0, 1, EventLoop::Callback::time, nullptr),
        "Failed to create a timer");
  source_ = loop.adopt(source, std::move(callback));
  check(sd_event_source_set_enabled(source, SD_EVENT_OFF), "Failed to create a timer");
}

void Timer::set(EventLoop::Clock::time_point when, std::chrono::microseconds accuracy) {
  // Rounded up, so that a handler that asks the clock never finds itself early.
  const auto wanted = std::chrono::ceil<std::chrono::microseconds>(when.time_since_epoch()).count();
  const auto usec = static_cast<std::uint64_t>(std::max<std::int64_t>(wanted, 0));
  // Zero would mean sd-event's default of 250 ms.
  const auto accuracy_usec = static_cast<std::uint64_t>(std::max<std::int64_t>(accuracy.count(), 1));
  int enabled = SD_EVENT_OFF;
  std::uint64_t old_usec = 0;
  std::uint64_t old_accuracy_usec = 0;
  check(sd_event_source_get_enabled(source_.get(), &enabled), "Failed to read a timer");
  check(sd_event_source_get_time(source_.get(), &old_usec), "Failed to read a timer");
  check(sd_event_source_get_time_accuracy(source_.get(), &old_accuracy_usec), "Failed to read a timer");
  if (enabled == SD_EVENT_ONESHOT && old_usec == usec && old_accuracy_usec == accuracy_usec) return;
  check(sd_event_source_set_time_accuracy(source_.get(), accuracy_usec), "Failed to set a timer");
  check(sd_event_source_set_time(source_.get(), usec), "Failed to set a timer");
  check(sd_event_source_set_enabled(source_.get(), SD_EVENT_ONESHOT), "Failed to set a timer");
}

void Timer::cancel() { check(sd_event_source_set_enabled(source_.get(), SD_EVENT_OFF), "Failed to cancel a timer"); }

}  // namespace virtsession
