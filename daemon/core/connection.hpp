// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/backoff.hpp"
#include "core/moment.hpp"
#include "core/result.hpp"
#include "core/views.hpp"

#include <optional>
#include <string>
#include <utility>

namespace virtsession {

/// What the connection's owner has to do next. A unit is replaced when its daemon hangs: that one does not react to the
/// friendly signal of a restart.
enum class ConnectionStep { nothing, start_unit, restart_unit, replace_unit, open, list };

/// The way to a usable libvirt connection and back to it: down -> starting-unit -> connecting -> syncing -> ready.
/// Pure: every event returns the one step that follows. Without a managed unit, starting-unit is left out.
class Connection {
 public:
  /// Opening waits this long for a daemon that accepts but never answers; libvirt's keep-alive begins only after it.
  static constexpr Duration kOpenTimeout = std::chrono::seconds(30);
  static constexpr Duration kFirstRetry = std::chrono::milliseconds(250);
  static constexpr Duration kLastRetry = std::chrono::seconds(30);
  /// A daemon that ends sooner than this after it was ready is not asked for again at once.
  static constexpr Duration kSettled = std::chrono::seconds(10);

  Connection(bool managed, std::uint32_t seed) : managed_(managed), backoff_(seed) {}

  LibvirtState state() const { return state_; }
  /// Why it is in this state, for a person; empty before start().
  const std::string& reason() const { return reason_; }
  /// The last try has failed, and none that ended well has followed.
  bool failing() const { return failures_ > 0; }
  /// When tick() is due; nothing when no time is waited for.
  std::optional<SteadyTime> wake() const { return wake_; }

  /// Tries are at most this far apart from now on, give or take a fifth.
  void limit_retries(Duration most) { last_retry_ = most; }

  ConnectionStep start(Moment now, std::string reason = "starting the libvirt daemon");
  ConnectionStep unit_started(const Result<void>& result, Moment now);
  ConnectionStep opened(Moment now);
  ConnectionStep open_failed(const Error& error, Moment now);
  ConnectionStep listed(const Result<void>& result, Moment now);
  /// \param hung it did not answer keep-alive, so that only another daemon helps
  ConnectionStep lost(bool hung, std::string reason, Moment now);
  /// Somebody asks for a restart of the daemon.
  ConnectionStep restart(std::string reason, Moment now);
  /// The daemon hangs, whatever it is at; it may be its start.
  ConnectionStep replace(std::string reason, Moment now);
  ConnectionStep tick(Moment now);

 private:
  ConnectionStep enter(LibvirtState state, std::string reason, ConnectionStep step);
  ConnectionStep fail(std::string reason, Moment now);
  /// \param unit the step with which a managed unit gives a daemon
  ConnectionStep connect(ConnectionStep unit, std::string reason, Moment now);

  bool managed_;
  Backoff backoff_;
  Duration last_retry_ = kLastRetry;
  LibvirtState state_ = LibvirtState::down;
  std::string reason_;
  std::uint32_t failures_ = 0;
  SteadyTime ready_since_{};
  std::optional<SteadyTime> wake_;
};

}  // namespace virtsession
