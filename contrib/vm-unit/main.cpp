// SPDX-License-Identifier: LGPL-2.1-or-later
// The program of virtsession-vm@.service:
//   virtsession-vm-unit NAME...                            stands for the VM that has one of these names
//   virtsession-vm-unit --wait-for-guest ADDRESS PORT SEC   waits until the guest answers at a forward
#include "guest_answer.hpp"
#include "util/bus_source.hpp"
#include "vm_unit.hpp"

#include <sys/prctl.h>
#include <sysexits.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

using namespace virtsession;

namespace {

/// Before any thread is there: the loop reads it from a descriptor.
void block_sigterm() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

int stand_for(const std::vector<std::string>& names) {
  block_sigterm();
  prctl(PR_SET_NAME, "its unit");  // what virtsessiond calls who asks: "asked for by its unit"
  EventLoop loop;
  const auto bus = sdbus::createSessionBusConnection();
  const BusSource source(loop, *bus, [&](const std::string& text) {
    std::fprintf(stderr, "the session bus is gone: %s\n", text.c_str());
    loop.quit(EXIT_FAILURE);
  });
  // Set by virtsessionctl on-demand: a connection that ends is no reason to stop what a person started.
  const char* const keeps = std::getenv("VIRTSESSION_KEEP_OTHERS");
  VmUnit unit(loop, *bus, {names, keeps != nullptr && std::string(keeps) == "1"});
  const auto terminate = loop.on_signal(SIGTERM, [&] { unit.on_terminate(); });
  loop.post([&] { unit.begin(); });
  return loop.run();
}

int wait(const std::string& address, const std::string& port, const std::string& seconds) {
  const auto limit = std::chrono::seconds(std::atoi(seconds.c_str()));
  if (!wait_for_guest(address, static_cast<std::uint16_t>(std::atoi(port.c_str())), limit))
    std::fprintf(stderr, "The guest has not answered at %s, port %s, within %s s. Connections are passed on now.\n",
                 address.c_str(), port.c_str(), seconds.c_str());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 4 && arguments[0] == "--wait-for-guest")
      return wait(arguments[1], arguments[2], arguments[3]);
    if (!arguments.empty() && !arguments[0].empty()) return stand_for(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
  std::fputs("usage: virtsession-vm-unit NAME...; it is run by virtsession-vm@.service\n", stderr);
  return EX_USAGE;
}
