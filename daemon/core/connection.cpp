// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/connection.hpp"

namespace virtsession {

constexpr std::string_view kAgain = "trying again after: ";

ConnectionStep Connection::enter(LibvirtState state, std::string reason, ConnectionStep step) {
  state_ = state;
  reason_ = std::move(reason);
  wake_.reset();
  return step;
}

ConnectionStep Connection::connect(ConnectionStep unit, std::string reason, Moment now) {
  if (managed_) return enter(LibvirtState::starting_unit, std::move(reason), unit);
  const auto step = enter(LibvirtState::connecting, std::move(reason), ConnectionStep::open);
  wake_ = now.steady + kOpenTimeout;
  return step;
}

ConnectionStep Connection::fail(std::string reason, Moment now) {
  const auto step = enter(LibvirtState::down, std::move(reason), ConnectionStep::nothing);
  wake_ = now.steady + backoff_.wait(failures_++, kFirstRetry, last_retry_);
  return step;
}

ConnectionStep Connection::start(Moment now, std::string reason) {
  return connect(ConnectionStep::start_unit, std::move(reason), now);
}

ConnectionStep Connection::unit_started(const Result<void>& result, Moment now) {
  if (state_ != LibvirtState::starting_unit) return ConnectionStep::nothing;
  if (!result) return fail(result.error().message, now);
  const auto step = enter(LibvirtState::connecting, "connecting to libvirt", ConnectionStep::open);
  wake_ = now.steady + kOpenTimeout;
  return step;
}

ConnectionStep Connection::opened(Moment) {
  if (state_ != LibvirtState::connecting) return ConnectionStep::nothing;
  return enter(LibvirtState::syncing, "reading the list of VMs", ConnectionStep::list);
}

ConnectionStep Connection::open_failed(const Error& error, Moment now) {
  if (state_ != LibvirtState::connecting) return ConnectionStep::nothing;
  return fail(error.message, now);
}

ConnectionStep Connection::listed(const Result<void>& result, Moment now) {
  if (state_ != LibvirtState::syncing && state_ != LibvirtState::ready) return ConnectionStep::nothing;
  if (!result) return fail(result.error().message, now);
  if (state_ == LibvirtState::syncing) ready_since_ = now.steady;
  return enter(LibvirtState::ready, "connected", ConnectionStep::nothing);
}

ConnectionStep Connection::lost(bool hung, std::string reason, Moment now) {
  if (state_ != LibvirtState::syncing && state_ != LibvirtState::ready) return ConnectionStep::nothing;
  // A daemon that worked until now is asked for at once; one that keeps dying is given time.
  const bool worked = state_ == LibvirtState::ready && now.steady - ready_since_ >= kSettled;
  if (worked) failures_ = 0;
  if (hung) return connect(ConnectionStep::replace_unit, std::move(reason), now);
  return worked ? connect(ConnectionStep::start_unit, std::move(reason), now) : fail(std::move(reason), now);
}

ConnectionStep Connection::restart(std::string reason, Moment now) {
  // A start that is under way gives what was asked for: a daemon that is new.
  if (state_ == LibvirtState::starting_unit) return ConnectionStep::nothing;
  return connect(ConnectionStep::restart_unit, std::move(reason), now);
}

ConnectionStep Connection::replace(std::string reason, Moment now) {
  if (state_ == LibvirtState::starting_unit) return ConnectionStep::replace_unit;  // for the connection nothing changes
  return connect(ConnectionStep::replace_unit, std::move(reason), now);
}

ConnectionStep Connection::tick(Moment now) {
  if (!wake_ || now.steady < *wake_) return ConnectionStep::nothing;
  if (state_ == LibvirtState::connecting) {
    if (!managed_) return fail("libvirt did not answer within 30 s", now);
    return connect(ConnectionStep::replace_unit, "libvirt did not answer within 30 s; restarting its daemon", now);
  }
  auto reason = reason_.starts_with(kAgain) ? reason_ : std::string(kAgain) + reason_;
  return connect(ConnectionStep::start_unit, std::move(reason), now);
}

}  // namespace virtsession
