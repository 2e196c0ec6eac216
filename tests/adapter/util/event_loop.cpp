// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/event_loop.hpp"

#include "support/loop_until.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace virtsession {
namespace {

using namespace std::chrono_literals;
using test::loop_until;
using test::loop_until_idle;

TEST_CASE("Handlers posted from other threads run on the loop's thread, each thread's in order") {
  EventLoop loop;
  constexpr int kEach = 2000;
  std::vector<int> first;
  std::vector<int> second;
  const auto home = std::this_thread::get_id();
  bool elsewhere = false;
  const auto poster = [&](std::vector<int>& seen) {
    return [&] {
      for (int i = 0; i < kEach; ++i)
        loop.post([&, i] {
          elsewhere = elsewhere || std::this_thread::get_id() != home;
          seen.push_back(i);
          if (first.size() == kEach && second.size() == kEach) loop.quit(7);
        });
    };
  };
  std::thread a(poster(first));
  std::thread b(poster(second));
  CHECK(loop.run() == 7);
  a.join();
  b.join();
  CHECK_FALSE(elsewhere);
  for (int i = 0; i < kEach; ++i) {
    REQUIRE(first[static_cast<std::size_t>(i)] == i);
    REQUIRE(second[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("A posted handler is dropped when its owner is gone") {
  EventLoop loop;
  int calls = 0;
  auto alive = std::make_shared<int>();
  auto gone = std::make_shared<int>();
  loop.post(gone, [&] { calls += 100; });
  loop.post(alive, [&] { calls += 1; });
  gone.reset();
  loop_until_idle(loop);
  CHECK(calls == 1);
}

TEST_CASE("What is posted after quit() or after the end never runs and is freed") {
  auto owned = std::make_shared<int>();
  int calls = 0;
  {
    EventLoop loop;
    loop.post([&] {
      loop.quit(0);
      loop.post([&calls, owned] { ++calls; });
    });
    loop.post([&calls, owned] { ++calls; });
    CHECK(loop.run() == 0);
    loop.post([&calls, owned] { ++calls; });
    CHECK(owned.use_count() == 1);
  }
  CHECK(calls == 0);
}

TEST_CASE("A handler that is freed with the loop may post from its destructor") {
  struct PostsAtTheEnd {
    explicit PostsAtTheEnd(EventLoop& loop_of_it) : loop(loop_of_it) {}
    EventLoop& loop;
    ~PostsAtTheEnd() {
      loop.post([] {});
    }
  };
  std::optional<EventLoop> loop;
  loop.emplace();
  loop->post([owned = std::make_shared<PostsAtTheEnd>(*loop)] {});
  loop.reset();
}

TEST_CASE("An exception from a handler ends the loop and leaves run()") {
  EventLoop loop;
  int later = 0;
  SUBCASE("from post") {
    loop.post([] { throw std::runtime_error("from a handler"); });
    loop.post([&] { ++later; });
    CHECK_THROWS_WITH_AS(loop.run(), "from a handler", std::runtime_error);
  }
  SUBCASE("from a timer") {
    Timer timer(loop, [] { throw std::runtime_error("from a timer"); });
    timer.set(EventLoop::Clock::now());
    CHECK_THROWS_WITH_AS(loop.run(), "from a timer", std::runtime_error);
  }
  SUBCASE("from the end of a pass") {
    const auto source = loop.on_pass_end([] { throw std::runtime_error("from the end"); });
    loop.post([] {});
    CHECK_THROWS_WITH_AS(loop.run(), "from the end", std::runtime_error);
  }
  SUBCASE("from what runs before the poll") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const auto source = loop.watch_io(
        ends[0], EPOLLIN, [](std::uint32_t) {}, [] { throw std::runtime_error("before the poll"); });
    CHECK_THROWS_WITH_AS(loop.run(), "before the poll", std::runtime_error);
    close(ends[0]);
    close(ends[1]);
  }
  CHECK(later == 0);
}

TEST_CASE("The end of a pass comes once, after everything that was ready, and never while idle") {
  EventLoop loop;
  int handled = 0;
  int passes = 0;
  int handled_at_end = 0;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const auto io = loop.watch_io(ends[0], EPOLLIN, [&](std::uint32_t) {
    char letter;
    REQUIRE(read(ends[0], &letter, 1) == 1);
    ++handled;
  });
  Timer timer(loop, [&] { ++handled; });
  const auto end = loop.on_pass_end([&] {
    ++passes;
    handled_at_end = handled;
  });
  REQUIRE(write(ends[1], "ab", 2) == 2);
  timer.set(EventLoop::Clock::now());
  loop.post([&] { ++handled; });
  loop.post([&] { ++handled; });
  loop_until_idle(loop);
  CHECK(passes == 1);
  CHECK(handled == 5);
  CHECK(handled_at_end == 5);

  // Idle: the loop has nothing to dispatch, so it sleeps for as long as it may.
  CHECK(sd_event_run(loop.get(), 20000) == 0);
  CHECK(passes == 1);
  loop.post([] {});
  loop_until_idle(loop);
  CHECK(passes == 2);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("A handler at the end of a pass may post: that is the next pass") {
  EventLoop loop;
  int passes = 0;
  const auto end = loop.on_pass_end([&] {
    if (++passes < 3) loop.post([] {});
  });
  loop.post([] {});
  loop_until_idle(loop);
  CHECK(passes == 3);
}

TEST_CASE("A timer fires once at its time, not before, and can be set again") {
  EventLoop loop;
  int fired = 0;
  EventLoop::Clock::time_point at{};
  Timer timer(loop, [&] {
    ++fired;
    at = EventLoop::Clock::now();
  });
  loop_until_idle(loop);
  CHECK(fired == 0);

  const auto soon = EventLoop::Clock::now() + 5ms;
  timer.set(soon);
  timer.set(soon);
  loop_until(loop, "the timer", [&] { return fired == 1; });
  CHECK(at >= soon);
  loop_until_idle(loop);
  CHECK(fired == 1);

  timer.set(soon);  // past by now, and the same time as before
  loop_until(loop, "the timer that was set to the past", [&] { return fired == 2; });

  timer.set(EventLoop::Clock::time_point(-1s));
  loop_until(loop, "the timer before the clock's start", [&] { return fired == 3; });
}

TEST_CASE("A timer that is moved or cancelled does not fire at its old time") {
  EventLoop loop;
  std::vector<char> order;
  Timer moved(loop, [&] { order.push_back('m'); });
  Timer cancelled(loop, [&] { order.push_back('c'); });
  Timer other(loop, [&] { order.push_back('o'); });
  const auto now = EventLoop::Clock::now();
  moved.set(now + 1ms, 1us);
  cancelled.set(now + 1ms, 1us);
  other.set(now + 4ms, 1us);
  moved.set(now + 8ms, 1us);
  cancelled.cancel();
  loop_until(loop, "the moved timer", [&] { return order.size() == 2; });
  CHECK(order == std::vector{'o', 'm'});
}

TEST_CASE("A timer may be set and destroyed in its own handler") {
  EventLoop loop;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++fired < 3)
      timer->set(EventLoop::Clock::now());
    else
      timer.reset();
  });
  timer->set(EventLoop::Clock::now());
  loop_until(loop, "three rounds", [&] { return !timer; });
  loop_until_idle(loop);
  CHECK(fired == 3);
}

TEST_CASE("A source that is dropped in its own handler lives until the handler returns") {
  EventLoop loop;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  REQUIRE(write(ends[1], "a", 1) == 1);
  EventSource source;
  int calls = 0;
  const auto owned = std::make_shared<int>(42);
  source = loop.watch_io(ends[0], EPOLLIN, [&calls, &source, owned](std::uint32_t) {
    source.reset();
    calls += *owned;
  });
  loop_until_idle(loop);
  CHECK(calls == 42);
  CHECK(owned.use_count() == 1);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("A blocked signal arrives on the loop, and one that is not blocked is refused") {
  sigset_t set;
  sigset_t old;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  REQUIRE(pthread_sigmask(SIG_BLOCK, &set, &old) == 0);
  EventLoop loop;
  int seen = 0;
  {
    const auto source = loop.on_signal(SIGUSR1, [&] { ++seen; });
    REQUIRE(raise(SIGUSR1) == 0);
    loop_until(loop, "the signal", [&] { return seen == 1; });
  }
  REQUIRE(pthread_sigmask(SIG_SETMASK, &old, nullptr) == 0);
  CHECK_THROWS_AS(static_cast<void>(loop.on_signal(SIGUSR2, [] {})), std::system_error);
}

}  // namespace
}  // namespace virtsession
