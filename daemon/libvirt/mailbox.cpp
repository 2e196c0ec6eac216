// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/mailbox.hpp"

#include <utility>

namespace virtsession {

void Mailbox::post(Generation generation, Message message) {
  post_to_loop([this, generation, deliver = std::move(message)] {
    if (generation == current_) deliver(sinks_);
  });
}

void Mailbox::post_exception(std::exception_ptr exception) {
  post_to_loop([exception] { std::rethrow_exception(exception); });
}

void Mailbox::shut() {
  current_ = 0;
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
}

void Mailbox::post_to_loop(EventLoop::Handler handler) {
  const std::lock_guard lock(mutex_);
  if (loop_) loop_->post(weak_from_this(), std::move(handler));
}

}  // namespace virtsession
