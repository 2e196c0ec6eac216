// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/event_thread.hpp"

#include "libvirt/error.hpp"
#include "util/thread.hpp"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libxml/parser.h>

#include <mutex>
#include <stdexcept>

namespace virtsession {
namespace {

constexpr int kNever = -1;
constexpr int kNow = 0;

void ignore_error(void* /*opaque*/, virErrorPtr /*error*/) {}

// Fires when the thread is to stop: it ends the poll in virEventRunDefaultImpl, which nothing else in the API does.
void on_wake(int timer, void* /*opaque*/) { virEventUpdateTimeout(timer, kNever); }

// \return the timer to wake the loop with
int initialise_libvirt() {
  xmlInitParser();  // libxml2 wants to be initialised before threads use it, and libvirt uses it too
  virSetErrorFunc(nullptr, ignore_error);
  if (virEventRegisterDefaultImpl() < 0)
    throw std::runtime_error("Failed to make libvirt's event loop: " + take_last_error().message);
  const int timer = virEventAddTimeout(kNever, on_wake, nullptr, nullptr);
  if (timer < 0)
    throw std::runtime_error("Failed to add a timer to libvirt's event loop: " + take_last_error().message);
  return timer;
}

// Once in a process; tried again when it failed.
int wake_timer() {
  static const int timer = initialise_libvirt();
  return timer;
}

}  // namespace

std::shared_ptr<EventThread> EventThread::share() {
  static std::mutex mutex;
  static std::weak_ptr<EventThread> running;
  const std::lock_guard lock(mutex);
  if (auto thread = running.lock()) return thread;
  wake_timer();
  std::shared_ptr<EventThread> thread(new EventThread);
  running = thread;
  return thread;
}

EventThread::EventThread() {
  thread_ = start_thread("libvirt-events", [this] {
    while (!stopping_)
      if (virEventRunDefaultImpl() < 0) virResetLastError();
  });
}

EventThread::~EventThread() {
  stopping_ = true;
  virEventUpdateTimeout(wake_timer(), kNow);
  thread_.join();
}

}  // namespace virtsession
