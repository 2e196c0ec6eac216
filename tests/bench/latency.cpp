// SPDX-License-Identifier: LGPL-2.1-or-later
// How long after libvirt's own event virtsessiond's signal says the same, in one process that listens to both: it
// suspends and resumes one domain over and over. Beside it a bare client asks libvirt for the state after each event,
// which waits until libvirt has written the domain's status file. Usage: latency DOMAIN ROUNDS; prints p50 and p99 of
// virtsessiond and of the bare client, in milliseconds.
#include "libvirt/event_callback.hpp"
#include "libvirt/event_thread.hpp"
#include "libvirt/raii.hpp"
#include "util/unique_c_ptr.hpp"

#include <libvirt/libvirt.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::mutex mutex;
std::condition_variable changed;
int events = 0;
Clock::time_point last_event;

int on_lifecycle(virConnectPtr, virDomainPtr, int event, int, void*) {
  if (event != VIR_DOMAIN_EVENT_SUSPENDED && event != VIR_DOMAIN_EVENT_RESUMED) return 0;
  const std::lock_guard lock(mutex);
  last_event = Clock::now();
  ++events;
  changed.notify_all();
  return 0;
}

struct Seen {
  std::string wanted;
  Clock::time_point at;
  bool is_there = false;
};

/// Whether a PropertiesChanged has the State that is waited for.
int on_signal(sd_bus_message* message, void* opaque, sd_bus_error*) {
  auto& seen = *static_cast<Seen*>(opaque);
  const auto now = Clock::now();
  const char* text = nullptr;
  sd_bus_message_skip(message, "s");
  sd_bus_message_enter_container(message, 'a', "{sv}");
  while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
    sd_bus_message_read(message, "s", &text);
    const bool is_state = std::strcmp(text, "State") == 0;
    if (is_state && sd_bus_message_read(message, "v", "s", &text) > 0 && seen.wanted == text) {
      seen.at = now;
      seen.is_there = true;
    }
    if (!is_state) sd_bus_message_skip(message, "v");
    sd_bus_message_exit_container(message);
  }
  return 0;
}

/// Asks for the state after each event, over a connection of its own.
class Asker {
 public:
  explicit Asker(const char* domain)
      : connection_(virConnectOpen("qemu:///session")),
        domain_(connection_ ? virDomainLookupByName(connection_.get(), domain) : nullptr),
        thread_([this] { run(); }) {}
  void end() {
    {
      const std::lock_guard lock(mutex);
      ended_ = true;
    }
    changed.notify_all();
    thread_.join();
  }
  /// To be read after end().
  std::vector<double> waits;

 private:
  void run() {
    int asked = 0;
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return ended_ || events > asked; });
      if (ended_) return;
      asked = events;
      const auto event = last_event;
      lock.unlock();
      int state = 0;
      virDomainGetState(domain_.get(), &state, nullptr, 0);
      waits.push_back(std::chrono::duration<double, std::milli>(Clock::now() - event).count());
      lock.lock();
    }
  }

  virtsession::ConnectPtr connection_;
  virtsession::DomainPtr domain_;
  bool ended_ = false;
  std::thread thread_;
};

void print(std::vector<double> waits) {
  std::ranges::sort(waits);
  std::printf("%.2f %.2f\n", waits[waits.size() / 2], waits[waits.size() * 99 / 100]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const auto thread = virtsession::EventThread::share();
  const virtsession::ConnectPtr connection(virConnectOpen("qemu:///session"));
  const virtsession::DomainPtr domain(connection ? virDomainLookupByName(connection.get(), argv[1]) : nullptr);
  if (!domain) return 1;
  virConnectDomainEventRegisterAny(connection.get(), domain.get(), VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                   virtsession::event_callback(on_lifecycle), nullptr, nullptr);
  sd_bus* opened = nullptr;
  if (sd_bus_open_user(&opened) < 0) return 1;
  const virtsession::UniqueCPtr<sd_bus, sd_bus_flush_close_unref> bus(opened);
  Seen seen;
  if (sd_bus_add_match(bus.get(), nullptr,
                       "type='signal',member='PropertiesChanged',path_namespace='/org/virtsession/Supervisor1/vm'",
                       on_signal, &seen) < 0)
    return 1;
  std::vector<double> waits;
  Asker asker(argv[1]);
  for (int round = 0; round < std::atoi(argv[2]); ++round) {
    const bool pauses = round % 2 == 0;
    int before = 0;
    {
      const std::lock_guard lock(mutex);
      before = events;
    }
    seen = {pauses ? "paused" : "running", {}, false};
    // The event and the signal come before the call returns.
    std::thread caller([&] { pauses ? virDomainSuspend(domain.get()) : virDomainResume(domain.get()); });
    while (!seen.is_there) {
      while (sd_bus_process(bus.get(), nullptr) > 0) {
      }
      if (!seen.is_there) sd_bus_wait(bus.get(), 1'000'000);
    }
    caller.join();
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return events > before; });
    waits.push_back(std::chrono::duration<double, std::milli>(seen.at - last_event).count());
  }
  print(waits);
  asker.end();
  print(asker.waits);
}
