// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/fake_systemd.hpp"
#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "systemd/user_manager.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace virtsession::user_manager {

using namespace std::chrono_literals;
using test::loop_until;
using test::RunningSystemd;

/// A loop, a bus and a UserManager on it, with or without a stand-in for systemd.
struct Fixture {
  explicit Fixture(bool with_systemd = true, std::chrono::milliseconds away_limit = 10s) {
    if (with_systemd) systemd.emplace(loop, bus);
    users.emplace(loop, *connection, away_limit);
  }

  EventLoop loop;
  test::PrivateBus bus;
  std::unique_ptr<sdbus::IConnection> connection = bus.connect();
  BusSource source{loop, *connection, {}};
  std::optional<RunningSystemd> systemd;
  std::optional<UserManager> users;

  /// The answer of what `call` asks for.
  template <class T = void, class Call>
  Result<T> answer(Call&& call) {
    std::optional<Result<T>> got;
    call([&](const Result<T>& result) { got.emplace(result); });
    CHECK_FALSE(got.has_value());  // never from inside the call
    loop_until(loop, "an answer", [&] { return got.has_value(); });
    return *got;
  }
  Result<void> connect() {
    return answer([&](auto done) { users->connect(done); });
  }
  Result<void> start(const std::string& unit) {
    return answer([&](auto done) { users->start_unit(unit, done); });
  }
  bool called(const std::string& call) const {
    const auto& calls = systemd->manager.calls;
    return std::find(calls.begin(), calls.end(), call) != calls.end();
  }
  void wait_for_call(const std::string& call) {
    loop_until(loop, call, [&] { return called(call); });
  }
};

inline UnitStatus running(std::uint32_t pid) { return {"loaded", "active", "running", "success", pid}; }

}  // namespace virtsession::user_manager
