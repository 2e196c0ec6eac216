// SPDX-License-Identifier: LGPL-2.1-or-later
// The least that restarts a domain whenever it stops, which virtsessiond's restart is measured against: one connection
// for events and one for the call, made in the callback's time. Usage: restarter DOMAIN
#include "libvirt/event_callback.hpp"
#include "libvirt/event_thread.hpp"
#include "libvirt/raii.hpp"

#include <libvirt/libvirt.h>

#include <condition_variable>
#include <mutex>

namespace {

std::mutex mutex;
std::condition_variable changed;
bool stopped = false;

int on_lifecycle(virConnectPtr, virDomainPtr, int event, int, void*) {
  if (event != VIR_DOMAIN_EVENT_STOPPED) return 0;
  const std::lock_guard lock(mutex);
  stopped = true;
  changed.notify_all();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const auto thread = virtsession::EventThread::share();
  const virtsession::ConnectPtr events(virConnectOpen("qemu:///session")), calls(virConnectOpen("qemu:///session"));
  const virtsession::DomainPtr domain(calls ? virDomainLookupByName(calls.get(), argv[1]) : nullptr);
  if (!events || !domain) return 1;
  virConnectDomainEventRegisterAny(events.get(), nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                   virtsession::event_callback(on_lifecycle), nullptr, nullptr);
  for (;;) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [] { return stopped; });
    stopped = false;
    lock.unlock();
    if (virDomainCreate(domain.get()) < 0) return 1;
  }
}
