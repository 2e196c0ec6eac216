// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <memory>
#include <thread>

namespace virtsession {

/// The thread that runs libvirt's default event loop (virEventRunDefaultImpl). libvirt has one loop in a process, so
/// this thread is shared: it runs as long as anybody holds it. libvirt's callbacks, and its keep-alive, run here.
///
/// It is held before the first connection is opened and until the last one is closed; what is closed later leaves
/// libvirt's clean-up to the end of the process.
class EventThread {
 public:
  /// The running thread, started if there is none. The first call in a process registers libvirt's event loop, which
  /// must come before any other call to libvirt, and stops libvirt from printing errors to stderr. From any thread.
  /// \throws std::runtime_error when libvirt cannot make its event loop, std::system_error when there can be no thread
  static std::shared_ptr<EventThread> share();

  /// Stops the thread and waits for it, which takes as long as a callback does: they do not block.
  ~EventThread();
  EventThread(const EventThread&) = delete;
  EventThread& operator=(const EventThread&) = delete;

 private:
  EventThread();

  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace virtsession
