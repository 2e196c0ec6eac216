// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/path_lane.hpp"

#include "util/log.hpp"
#include "util/thread.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

/// Of looks at paths that nothing tells of.
constexpr std::chrono::seconds kBlindLooks(5);

}  // namespace

/// The thread owns it as well, and outlives the lane if it has to.
struct PathLane::State {
  explicit State(Handlers to)
      : handlers(std::move(to)),
        wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        mounts(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {
    if (!wake) throw std::system_error(errno, std::generic_category(), "Failed to create an eventfd");
    if (!mounts) log::warn("Failed to watch for mounts: {}", std::strerror(errno));
  }

  void order(std::function<void(WatchedPaths&)> command) {
    const std::lock_guard lock(mutex);
    commands.push_back(std::move(command));
    ring();
  }
  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake.get(), &one, sizeof one);
  }

  const Handlers handlers;
  const UniqueFd wake;
  const UniqueFd mounts;
  WatchedPaths paths;  // the thread's

  std::mutex mutex;
  std::vector<std::function<void(WatchedPaths&)>> commands;
  std::optional<Look> look;
  bool over = false;
};

PathLane::PathLane(Handlers handlers) : state_(std::make_shared<State>(std::move(handlers))) {
  start_thread("paths", [state = state_] {
    try {
      run(*state);
    } catch (const std::exception& error) {
      log::error("Paths are not watched any more: {}", error.what());
    }
  }).detach();
}

PathLane::~PathLane() {
  const std::lock_guard lock(state_->mutex);
  state_->over = true;
  state_->ring();
}

void PathLane::add(Id id, const std::string& path) {
  state_->order([id, path](WatchedPaths& paths) { paths.add(id, path); });
}

void PathLane::remove(Id id) {
  state_->order([id](WatchedPaths& paths) { paths.remove(id); });
}

void PathLane::report_again(Id id) {
  state_->order([id](WatchedPaths& paths) { paths.report_again(id); });
}

std::optional<PathLane::Look> PathLane::look() const {
  const std::lock_guard lock(state_->mutex);
  return state_->look;
}

void PathLane::run(State& state) {
  std::array<pollfd, 3> sources{
      {{state.wake.get(), POLLIN, 0}, {state.paths.descriptor(), POLLIN, 0}, {state.mounts.get(), POLLPRI, 0}}};
  while (true) {
    const int at_most = state.paths.is_blind() ? static_cast<int>(std::chrono::milliseconds(kBlindLooks).count()) : -1;
    const int ready = poll(sources.data(), sources.size(), at_most);
    if (ready < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "Failed to wait for changes");
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(state.wake.get(), &count, sizeof count);
    std::vector<std::function<void(WatchedPaths&)>> commands;
    {
      const std::lock_guard lock(state.mutex);
      if (state.over) return;
      commands.swap(state.commands);
    }
    if (ready == 0) {
      if (state.paths.try_again()) log::info("Paths are watched again");
      sources[1].fd = state.paths.descriptor();
      state.paths.report_all_again();
    }
    // In the order in which things happened: who asks for a path gets what is so after that.
    state.paths.read_events();
    if ((sources[2].revents & POLLPRI) != 0) state.paths.look_at_all();
    for (const auto& command : commands) command(state.paths);
    if (!state.paths.has_to_look()) continue;
    state.handlers.begins();
    state.paths.look(
        [&](Id id, const std::string& at) {
          const std::lock_guard lock(state.mutex);
          state.look = Look{id, at, Clock::now()};
        },
        state.handlers.changed);
    {
      const std::lock_guard lock(state.mutex);
      state.look.reset();
    }
    state.handlers.idle();
  }
}

}  // namespace virtsession
