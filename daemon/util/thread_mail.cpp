// SPDX-License-Identifier: LGPL-2.1-or-later
#include "util/thread_mail.hpp"

#include "util/log.hpp"
#include "util/thread.hpp"
#include "util/unique_fd.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

namespace virtsession {

/// Owned by its senders as well, so that the descriptor is nobody else's when they write to it.
struct ThreadMail::Box {
  Box() : wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake) throw std::system_error(errno, std::generic_category(), "Failed to create an eventfd");
  }

  const UniqueFd wake;
  std::mutex mutex;
  std::vector<std::function<void()>> handlers;
  bool closed = false;
};

ThreadMail::ThreadMail(EventLoop& loop) : box_(std::make_shared<Box>()) {
  // A handler may drop the owner of this.
  const std::weak_ptr<Box> weak = box_;
  source_ = loop.watch_io(box_->wake.get(), EPOLLIN, [weak, this](std::uint32_t) {
    if (const auto box = weak.lock()) deliver();
  });
}

ThreadMail::~ThreadMail() {
  std::vector<std::function<void()>> dropped;
  const std::lock_guard lock(box_->mutex);
  box_->closed = true;
  dropped.swap(box_->handlers);
  // `dropped` outlives the lock.
}

ThreadMail::Sender ThreadMail::sender() const { return Sender(box_); }

void ThreadMail::deliver() {
  const auto box = box_;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(box->wake.get(), &count, sizeof count);
  std::vector<std::function<void()>> batch;
  {
    const std::lock_guard lock(box->mutex);
    batch.swap(box->handlers);
  }
  for (auto& handler : batch) {
    {
      const std::lock_guard lock(box->mutex);
      if (box->closed) return;
    }
    handler();
  }
}

void ThreadMail::Sender::send(std::function<void()> handler) const {
  const std::lock_guard lock(box_->mutex);
  if (box_->closed) return;
  box_->handlers.push_back(std::move(handler));
  const std::uint64_t one = 1;
  if (box_->handlers.size() == 1) [[maybe_unused]]
    const auto written = write(box_->wake.get(), &one, sizeof one);
}

bool start_detached(const char* name, std::function<void()> body) {
  try {
    start_thread(name, [name, run = std::move(body)] {
      try {
        run();
      } catch (const std::exception& error) {
        log::error("Thread \"{}\" has ended early: {}", name, error.what());
      }
    }).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace virtsession
