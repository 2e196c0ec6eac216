// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/unique_c_ptr.hpp"

#include <systemd/sd-event.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace virtsession {

using EventSource = UniqueCPtr<sd_event_source, sd_event_source_disable_unref>;

/// The one loop of the main thread, on sd-event. Everything but post() is for that thread only.
/// Handlers that throw end the loop: run() rethrows, since what travels as an exception is not expected.
class EventLoop {
 public:
  using Handler = std::function<void()>;
  using IoHandler = std::function<void(std::uint32_t revents)>;
  using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as sd-event's timers

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until quit(), once in a loop's life. \return the code given to quit()
  int run();
  /// Waits until something happens, `at_most` this long, and dispatches one source. For tests and short-lived tools.
  /// \return false when the loop has ended
  bool run_once(std::chrono::microseconds at_most);
  /// Ends the loop. Handlers in the queue do not run any more; on_pass_end() handlers neither.
  void quit(int code);

  /// Runs `handler` on the loop's thread, in the order of the calls. From any thread. Dropped when the loop has ended.
  /// A handler carries ids or a weak owner, never a bare pointer to what may be gone.
  void post(Handler handler);
  /// post(), and the call is dropped when `owner` is gone by then.
  void post(std::weak_ptr<const void> owner, Handler handler);

  /// Runs `handler` at the end of every pass that dispatched something, before the loop sleeps. A pass lasts as long as
  /// something else is ready, so that what belongs together is announced together. See sd_event_add_post(3).
  [[nodiscard]] EventSource on_pass_end(Handler handler);
  /// Calls `handler` for events (EPOLLIN ...) on `fd`, which stays the caller's.
  /// \param before_poll when given, runs each time before the loop asks the kernel; it may change what the source wants
  [[nodiscard]] EventSource watch_io(int fd, std::uint32_t events, IoHandler handler, Handler before_poll = {});
  /// A signal that is blocked in every thread (main does that before anything else).
  [[nodiscard]] EventSource on_signal(int signal_number, Handler handler);

  /// Pings systemd's watchdog (WatchdogSec=) from the loop, when systemd asks for it. See sd_event_set_watchdog(3).
  void enable_watchdog();

  sd_event* get() const { return event_.get(); }

  /// One handler's home; freed with its source. Public for the C trampolines only.
  struct Callback;

 private:
  EventSource adopt(sd_event_source* source, std::unique_ptr<Callback> callback);
  void dispatch_posted();
  void end();
  void rethrow_failure();

  UniqueCPtr<sd_event, sd_event_unref> event_;
  int wake_fd_ = -1;
  EventSource wake_source_;
  std::mutex mutex_;
  std::vector<Handler> posted_;  // under mutex_
  bool ended_ = false;           // under mutex_
  std::exception_ptr failure_;

  friend struct Callback;
  friend class Timer;
};

/// A timer that is set to a point in time, again and again. Reprogrammed without a wake-up when nothing changes.
/// Loop's thread only. The handler may set, cancel and destroy the timer.
class Timer {
 public:
  Timer(EventLoop& loop, EventLoop::Handler handler);
  /// Fires once at `when`; a time in the past fires in the next pass. `accuracy` lets the kernel merge wake-ups.
  void set(EventLoop::Clock::time_point when, std::chrono::microseconds accuracy = std::chrono::milliseconds(1));
  void cancel();

 private:
  EventSource source_;
};

}  // namespace virtsession
