// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/worker_pool.hpp"

#include "libvirt/task_queue.hpp"
#include "support/loop_until.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace virtsession;
using test::kDeadline;

namespace {

/// What tasks do, in order, and tasks that stay until they are let go.
class Stage {
 public:
  WorkerPool::Task note(const std::string& what) {
    return [this, what] { add(what); };
  }
  /// Notes `what`, then stays until let_go(what).
  WorkerPool::Task stay(const std::string& what) {
    return [this, what] {
      add(what);
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return contains(let_go_, what); });
    };
  }
  void let_go(const std::string& what) {
    const std::lock_guard lock(mutex_);
    let_go_.push_back(what);
    changed_.notify_all();
  }
  void wait_for(const std::string& what) {
    std::unique_lock lock(mutex_);
    REQUIRE_MESSAGE(changed_.wait_for(lock, kDeadline, [&] { return contains(done_, what); }), what);
  }
  void wait_for_count(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kDeadline, [&] { return done_.size() >= count; }));
  }
  std::vector<std::string> done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }

 private:
  static bool contains(const std::vector<std::string>& all, const std::string& what) {
    return std::find(all.begin(), all.end(), what) != all.end();
  }
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    done_.push_back(what);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> done_;
  std::vector<std::string> let_go_;
};

using Order = std::vector<std::string>;

auto soon() { return std::chrono::steady_clock::now() + kDeadline; }

/// Takes everything that may run now and finishes it, again and again. \return the keys in the order they ran
Order drain(TaskQueue& queue) {
  Order order;
  while (auto next = queue.pop()) {
    next->run();
    order.push_back(next->key);
    queue.finished(next->key, next->pace);
  }
  return order;
}

void nothing() {}
void never(std::exception_ptr) { FAIL("A task threw"); }

/// A pool that is waited for before what its tasks use goes.
class EndedPool : public WorkerPool {
 public:
  explicit EndedPool(OnException on_exception = never, Limits limits = Limits())
      : WorkerPool(std::move(on_exception), limits) {}
  ~EndedPool() {
    finish(nullptr);
    wait_ended(soon());
  }
};

}  // namespace

TEST_CASE("quick tasks go first, then slow ones, lengthy ones, those of a guest, and equals in the order they came") {
  TaskQueue queue(4, 3, 2);
  queue.push("addresses", TaskPace::guest, nothing);
  queue.push("save", TaskPace::lengthy, nothing);
  queue.push("start 1", TaskPace::slow, nothing);
  queue.push("read 1", TaskPace::quick, nothing);
  queue.push("start 2", TaskPace::slow, nothing);
  queue.push("read 2", TaskPace::quick, nothing);
  CHECK(drain(queue) == Order{"read 1", "read 2", "start 1", "start 2", "save", "addresses"});
}

TEST_CASE("tasks of one key keep their order, and only one is in progress") {
  TaskQueue queue(4, 3, 2);
  Order order;
  queue.push("a", TaskPace::lengthy, [&] { order.push_back("save"); });
  queue.push("a", TaskPace::quick, [&] { order.push_back("read"); });
  auto first = queue.pop();
  REQUIRE(first);
  CHECK_FALSE(queue.pop());
  CHECK(queue.has_waiting("a"));
  CHECK(queue.runnable() == 0);
  first->run();
  queue.finished(first->key, first->pace);
  CHECK(queue.runnable() == 1);
  drain(queue);
  CHECK(order == Order{"save", "read"});
  CHECK_FALSE(queue.has_waiting("a"));
}

TEST_CASE("lengthy tasks past their limit wait, and hold up nothing else") {
  TaskQueue queue(4, 2, 2);
  for (const char* key : {"a", "b", "c"}) queue.push(key, TaskPace::lengthy, nothing);
  const auto a = queue.pop();
  const auto b = queue.pop();
  REQUIRE(a);
  REQUIRE(b);
  CHECK_FALSE(queue.pop());
  queue.push("d", TaskPace::slow, nothing);
  const auto d = queue.pop();
  REQUIRE(d);
  CHECK(d->key == "d");
  queue.finished("a", TaskPace::lengthy);
  const auto c = queue.pop();
  REQUIRE(c);
  CHECK(c->key == "c");
}

TEST_CASE("guests that do not answer hold up nothing but questions to guests") {
  TaskQueue queue(4, 3, 2);
  for (const char* key : {"a", "b", "c"}) queue.push(key, TaskPace::guest, nothing);
  CHECK(queue.runnable() == 2);
  REQUIRE(queue.pop());
  REQUIRE(queue.pop());
  CHECK(queue.runnable() == 0);
  CHECK_FALSE(queue.pop());
  for (const char* key : {"d", "e", "f"}) queue.push(key, TaskPace::lengthy, nothing);
  CHECK(queue.runnable() == 2);
  const auto d = queue.pop();
  REQUIRE(d);
  CHECK(d->key == "d");
  queue.finished("a", TaskPace::guest);
  queue.finished("d", TaskPace::lengthy);
  CHECK(drain(queue) == Order{"e", "f", "c"});
}

TEST_CASE("slow tasks past their limit wait, lengthy ones count, and quick ones go on") {
  TaskQueue queue(2, 1, 1);
  for (const char* key : {"a", "b", "c"}) queue.push(key, TaskPace::slow, nothing);
  queue.push("save", TaskPace::lengthy, nothing);
  CHECK(queue.runnable() == 2);
  REQUIRE(queue.pop());
  REQUIRE(queue.pop());
  CHECK(queue.runnable() == 0);
  CHECK_FALSE(queue.pop());
  queue.push("d", TaskPace::quick, nothing);
  CHECK(queue.runnable() == 1);
  const auto d = queue.pop();
  REQUIRE(d);
  CHECK(d->key == "d");
  queue.finished("a", TaskPace::slow);
  const auto c = queue.pop();
  REQUIRE(c);
  CHECK(c->key == "c");
}

TEST_CASE("four slow tasks run at once and no fifth, and what is quick has a worker left") {
  Stage stage;
  EndedPool pool;
  for (const char* key : {"1", "2", "3", "4", "5"}) pool.submit(key, TaskPace::slow, stage.stay(key));
  stage.wait_for_count(4);
  pool.submit("6", TaskPace::quick, stage.note("quick"));
  stage.wait_for("quick");
  CHECK(stage.done().size() == 5);
  stage.let_go("1");
  stage.wait_for("5");
  for (const char* key : {"2", "3", "4", "5"}) stage.let_go(key);
}

TEST_CASE("while three saves go on, everything else is answered and a fourth save waits") {
  Stage stage;
  EndedPool pool;
  for (const char* key : {"save 1", "save 2", "save 3", "save 4"}) pool.submit(key, TaskPace::lengthy, stage.stay(key));
  stage.wait_for_count(3);
  for (const char* key : {"read 1", "read 2", "read 3"}) pool.submit(key, TaskPace::quick, stage.note(key));
  stage.wait_for_count(6);
  CHECK(stage.done().size() == 6);
  stage.let_go("save 2");
  stage.wait_for("save 4");
  for (const char* key : {"save 1", "save 3", "save 4"}) stage.let_go(key);
}

TEST_CASE("what waits goes by pace, not by age") {
  Stage stage;
  EndedPool pool(never, {.workers = 1, .slow_tasks = 1, .lengthy_tasks = 1});
  pool.submit("a", TaskPace::slow, stage.stay("first"));
  stage.wait_for("first");
  pool.submit("b", TaskPace::lengthy, stage.note("save"));
  pool.submit("c", TaskPace::slow, stage.note("start"));
  pool.submit("d", TaskPace::quick, stage.note("read"));
  stage.let_go("first");
  stage.wait_for("save");
  CHECK(stage.done() == Order{"first", "read", "start", "save"});
}

TEST_CASE("a task that already waits is not queued again, one that has begun is") {
  Stage stage;
  EndedPool pool;
  pool.submit_unless_waiting("a", TaskPace::quick, stage.stay("first"));
  stage.wait_for("first");
  for (int i = 0; i < 5; ++i) pool.submit_unless_waiting("a", TaskPace::quick, stage.note("again"));
  pool.submit("a", TaskPace::quick, stage.note("end"));
  stage.let_go("first");
  stage.wait_for("end");
  CHECK(stage.done() == Order{"first", "again", "end"});
}

TEST_CASE("finish() drops what waits and runs its last task when all others have ended") {
  Stage stage;
  EndedPool pool;
  pool.submit("a", TaskPace::slow, stage.stay("a"));
  pool.submit("b", TaskPace::slow, stage.stay("b"));
  stage.wait_for_count(2);
  pool.submit("a", TaskPace::quick, stage.note("dropped"));
  pool.finish(stage.note("last"));
  pool.submit("c", TaskPace::quick, stage.note("too late"));
  stage.let_go("a");
  CHECK_FALSE(pool.ended());
  stage.let_go("b");
  CHECK(pool.wait_ended(soon()));
  REQUIRE(stage.done().size() == 3);
  CHECK(stage.done()[2] == "last");
}

TEST_CASE("a pool that goes while a task hangs does not wait, and the last task still runs") {
  auto stage = std::make_shared<Stage>();
  {
    WorkerPool pool(never);
    pool.submit("a", TaskPace::slow, [stage] { stage->stay("a")(); });
    stage->wait_for("a");
    pool.finish([stage] { stage->note("last")(); });
    CHECK_FALSE(pool.wait_ended(std::chrono::steady_clock::now()));
  }
  stage->let_go("a");
  stage->wait_for("last");
}

TEST_CASE("what a task throws is handed on, and its worker goes on") {
  Stage stage;
  std::string caught;
  EndedPool pool(
      [&](std::exception_ptr exception) {
        try {
          std::rethrow_exception(exception);
        } catch (const std::exception& error) {
          caught = error.what();
        }
      },
      {.workers = 1, .slow_tasks = 1, .lengthy_tasks = 1});
  pool.submit("a", TaskPace::quick, [] { throw std::runtime_error("broken"); });
  pool.submit("a", TaskPace::quick, stage.note("next"));
  stage.wait_for("next");
  CHECK(caught == "broken");
}

TEST_CASE("workers see no signals, whatever the mask of the thread that starts them") {
  Stage stage;
  sigset_t mask;
  sigemptyset(&mask);
  EndedPool pool;
  pool.submit("a", TaskPace::quick, [&] {
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    stage.note("asked")();
  });
  stage.wait_for("asked");
  CHECK(sigismember(&mask, SIGTERM) == 1);
  CHECK(sigismember(&mask, SIGCHLD) == 1);
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  CHECK(sigismember(&mask, SIGTERM) == 0);
}

TEST_CASE("many tasks of many keys: each once, those of a key in order and never two at once") {
  constexpr int kKeys = 20;
  constexpr int kEach = 50;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> next(kKeys, 0);
  std::vector<bool> busy(kKeys, false);
  int ran = 0;
  bool in_order = true;
  bool alone = true;
  EndedPool pool;
  for (int i = 0; i < kEach; ++i)
    for (int key = 0; key < kKeys; ++key) {
      const auto at = static_cast<std::size_t>(key);
      const auto pace = static_cast<TaskPace>((i + key) % 3);
      pool.submit(std::to_string(key), pace, [&, at, i] {
        {
          const std::lock_guard lock(mutex);
          alone = alone && !busy[at];
          busy[at] = true;
        }
        std::this_thread::yield();
        const std::lock_guard lock(mutex);
        in_order = in_order && next[at] == i;
        ++next[at];
        busy[at] = false;
        ++ran;
        changed.notify_all();
      });
    }
  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, kDeadline, [&] { return ran == kKeys * kEach; }));
  CHECK(in_order);
  CHECK(alone);
}
