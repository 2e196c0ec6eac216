// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/system_bus.hpp"

#include "util/bus_source.hpp"
#include "util/sdbus_compat.hpp"

#include <unistd.h>

#include <chrono>
#include <utility>

namespace virtsession {

namespace {

using namespace std::chrono_literals;

constexpr auto kFirstWait = 250ms;
// A host without a system bus stays so: seldom enough to cost nothing.
constexpr auto kLastWait = 60s;

}  // namespace

SystemBus::SystemBus(EventLoop& loop, Opened opened, Lost lost)
    : loop_(loop),
      opened_(std::move(opened)),
      lost_(std::move(lost)),
      reopen_(loop, [this] { open(); }),
      backoff_(static_cast<std::uint32_t>(getpid())) {}

SystemBus::~SystemBus() = default;

void SystemBus::open() {
  try {
    connection_ = sdbus::createSystemBusConnection();
    source_ = std::make_unique<BusSource>(loop_, *connection_, [this](const std::string& text) { lose(text); });
    opened_(*connection_);
  } catch (const sdbus::Error& error) {
    lose("Failed to connect to the system bus: " + error.getMessage());
  }
}

void SystemBus::lose(const std::string& reason) {
  lost_(reason);
  source_.reset();
  connection_.reset();
  reopen_.set(EventLoop::Clock::now() + backoff_.wait(attempt_++, kFirstWait, kLastWait), 100ms);
}

}  // namespace virtsession
