// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/run.hpp"

#include <algorithm>

namespace virtsession {

void Run::on_event(DomainEventKind kind) {
  switch (kind) {
    case DomainEventKind::started:
      host_ended_it_ = guest_ended_it_ = panicked_ = false;
      break;
    case DomainEventKind::shutdown_by_host:
      host_ended_it_ = true;
      guest_ended_it_ = false;
      break;
    case DomainEventKind::shutdown_by_guest:
      host_ended_it_ = false;
      guest_ended_it_ = true;
      break;
    case DomainEventKind::panicked:
      panicked_ = true;
      break;
    case DomainEventKind::defined:
    case DomainEventKind::undefined:
    case DomainEventKind::suspended:
    case DomainEventKind::resumed:
    case DomainEventKind::stopped:
    case DomainEventKind::pm_suspended:
    case DomainEventKind::rebooted:
    case DomainEventKind::agent_connected:
    case DomainEventKind::agent_disconnected:
    case DomainEventKind::metadata_changed:
      break;  // the snapshot that follows says it all
  }
}

void Run::on_tcp_ready() {
  if (ready_wait_) ready_wait_->answered = true;
}

void Run::forgo_readiness() {
  never_ready_ |= ready_wait_.has_value();
  ready_wait_.reset();
}

/// Whatever was to end it has come to nothing.
void Run::keep_running() {
  end_cause_.reset();
  save_begun_.reset();
  told_to_shut_down_ = false;
}

void Run::on_rebooted(Moment now) {
  booted_usec_ = now.wall_usec;
  told_to_shut_down_ = false;
}

bool Run::boots(Moment now) const {
  constexpr std::uint64_t kBootUsec = 60'000'000;
  return booted_usec_ > 0 && now.wall_usec < booted_usec_ + kBootUsec;
}

void Run::wait_until_off(SteadyTime deadline, Moment now) {
  off_by_ = std::max(off_by_.value_or(deadline), deadline);
  if (!shutdown_) shutdown_ = GuestShutdown(*off_by_, now);
  shutdown_->set_until(*off_by_);
  shutdown_->hasten();
}

void Run::stop_waiting_until_off() {
  off_by_.reset();
  shutdown_.reset();
}

}  // namespace virtsession
