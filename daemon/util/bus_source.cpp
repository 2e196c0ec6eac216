// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/bus_source.hpp"

#include "util/event_loop.hpp"
#include "util/sdbus_compat.hpp"

#include <chrono>
#include <limits>
#include <optional>
#include <utility>

namespace virtsession {

struct BusSource::State : std::enable_shared_from_this<BusSource::State> {
  State(EventLoop& on, sdbus::IConnection& of, Lost lost)
      : loop(on), connection(of), on_lost(std::move(lost)), timer(on, [this] { process(); }) {}

  EventLoop& loop;
  sdbus::IConnection& connection;
  Lost on_lost;
  EventSource io;
  Timer timer;
  bool is_lost = false;

  void attach() {
    const auto poll = connection.getEventLoopPollData();
    io = loop.watch_io(
        poll.fd, static_cast<std::uint32_t>(poll.events), [this](std::uint32_t) { process(); }, [this] { prepare(); });
  }

  /// Any call on the connection may have changed what it waits for, so this runs before every sleep.
  void prepare() {
    try {
      const auto poll = connection.getEventLoopPollData();
      sd_event_source_set_io_events(io.get(), static_cast<std::uint32_t>(poll.events));
      const auto deadline = sdbus_compat::poll_deadline_usec(poll);
      // No deadline is UINT64_MAX in 1.2 and microseconds::max() in 2.x.
      if (deadline >= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        timer.cancel();
      else
        timer.set(EventLoop::Clock::time_point(std::chrono::microseconds(deadline)));
    } catch (const sdbus::Error& error) {
      lose(error);
    }
  }

  void process() {
    try {
      sdbus_compat::process_pending(connection);
    } catch (const sdbus::Error& error) {
      lose(error);
    }
  }

  void lose(const sdbus::Error& error) {
    if (std::exchange(is_lost, true)) return;
    sd_event_source_set_enabled(io.get(), SD_EVENT_OFF);
    timer.cancel();
    // Not from here: sd-event is between two sources, and the handler may destroy this one.
    loop.post(weak_from_this(), [this, text = "The connection to the bus is lost: " + error.getMessage()] {
      if (on_lost) on_lost(text);
    });
  }
};

BusSource::BusSource(EventLoop& loop, sdbus::IConnection& connection, Lost on_lost)
    : state_(std::make_shared<State>(loop, connection, std::move(on_lost))) {
  state_->attach();
}

BusSource::~BusSource() = default;

}  // namespace virtsession
