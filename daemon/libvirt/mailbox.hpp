// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "libvirt/hypervisor.hpp"
#include "util/event_loop.hpp"

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

namespace virtsession {

/// Counts connections: what belongs to an earlier one is stale.
using Generation = std::uint64_t;

/// Where what comes from libvirt goes.
struct Sinks {
  ConnectionSink& connection;
  DomainSink& domains;
};

/// The one way from libvirt's threads to the sinks, and the one place where what is stale is dropped. Threads that
/// outlive the hypervisor may go on posting: nothing is touched then. Always owned by a shared_ptr.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  using Message = std::function<void(const Sinks&)>;

  /// `loop` and `sinks` must outlive the call of shut().
  Mailbox(EventLoop& loop, const Sinks& sinks) : loop_(&loop), sinks_(sinks) {}

  /// Hands the sinks a message of connection `generation`, on the main loop's thread, in the order of the calls.
  /// Dropped when that generation is no longer the current one by then. From any thread.
  void post(Generation generation, Message message);
  /// Rethrows on the main loop's thread what a thread of libvirt's must not let out. From any thread.
  void post_exception(std::exception_ptr exception);

  /// What is posted of this generation is passed on; 0 for none. Main loop's thread.
  void accept(Generation generation) { current_ = generation; }
  /// From now on nothing is posted and nothing arrives. Main loop's thread.
  void shut();

 private:
  void post_to_loop(EventLoop::Handler handler);

  std::mutex mutex_;
  EventLoop* loop_;         // under mutex_; null once shut
  const Sinks sinks_;       // main loop's thread
  Generation current_ = 0;  // main loop's thread
};

}  // namespace virtsession
