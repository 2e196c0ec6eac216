// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtsessiond is measured against: the same libraries, a bus connection, one libvirt connection with its event
// thread and keep-alive, and nothing else. With --load it only loads the libraries.
#include "libvirt/raii.hpp"

#include <libvirt/libvirt.h>
#include <libxml/parser.h>
#include <sdbus-c++/sdbus-c++.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstring>
#include <thread>

int main(int argc, char** argv) {
  const bool only_load = argc > 1 && std::strcmp(argv[1], "--load") == 0;
  if (only_load) {
    // Called so that the linker keeps the libraries.
    xmlInitParser();
    spdlog::set_level(spdlog::level::off);
    sd_notify(0, "READY=1");
    pause();
    static_cast<void>(sdbus::createSessionBusConnection());
  }
  virEventRegisterDefaultImpl();
  std::thread([] {
    for (;;) virEventRunDefaultImpl();
  }).detach();
  const auto bus = sdbus::createSessionBusConnection();
  bus->enterEventLoopAsync();
  auto* connection = virConnectOpen("qemu:///session");
  if (connection == nullptr) return 1;
  virConnectSetKeepAlive(connection, 5, 5);
  sd_notify(0, "READY=1");
  pause();
}
