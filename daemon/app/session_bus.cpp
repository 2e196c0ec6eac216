// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/session_bus.hpp"

#include "app/pending_end.hpp"
#include "util/fatal_error.hpp"
#include "util/log.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <sysexits.h>

#include <chrono>
#include <string>
#include <thread>

namespace virtsession {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kInterval{200};

}  // namespace

std::unique_ptr<sdbus::IConnection> connect_session_bus(std::chrono::seconds patience) {
  const auto deadline = Clock::now() + patience;
  for (bool told = false;;) {
    try {
      return sdbus::createSessionBusConnection();
    } catch (const sdbus::Error& error) {
      const auto problem = "Failed to connect to the session bus (dbus-user-session): " + error.getMessage();
      if (Clock::now() >= deadline || end_is_pending()) throw FatalError(EX_UNAVAILABLE, problem);
      if (!told) log::warn("{}; waiting for it", problem);
      told = true;
    }
    std::this_thread::sleep_for(kInterval);
  }
}

}  // namespace virtsession
