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

void Run::wait_until_off(SteadyTime deadline) { off_by_ = std::max(off_by_.value_or(deadline), deadline); }

}  // namespace virtsession
