// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/run.hpp"

#include <algorithm>

namespace virtsession {

void RunReadiness::on_tcp_answer() {
  if (wait_) wait_->answered = true;
}

void RunReadiness::give_up() {
  never_ |= wait_.has_value();
  wait_.reset();
}

void OffWait::begin(SteadyTime deadline, Moment now) {
  deadline_ = std::max(deadline_.value_or(deadline), deadline);
  if (!shutdown_) shutdown_ = GuestShutdown(*deadline_, now);
  shutdown_->set_until(*deadline_);
  shutdown_->hasten();
}

void OffWait::end() {
  deadline_.reset();
  shutdown_.reset();
}

void RunSave::begin(SaveBegun save) {
  begun_ = save;
  progress_.reset();
  takes_.reset();
}

void RunSave::failed() {
  begun_.reset();
  progress_.reset();
  takes_.reset();
}

bool RunStandstill::is_waking(Moment now) const {
  constexpr Duration kWakingTakes = std::chrono::seconds(10);  // one, on a machine that is not busy
  return woke_at_ && now.steady < *woke_at_ + kWakingTakes;
}

void Run::learn_start(std::uint64_t started_usec) {
  if (started_usec_ == 0) started_usec_ = booted_usec_ = started_usec;
}

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
    case DomainEventKind::agent_connected:
      addresses_.ask_again();
      break;
    case DomainEventKind::defined:
    case DomainEventKind::undefined:
    case DomainEventKind::rebooted:
    case DomainEventKind::agent_disconnected:
    case DomainEventKind::paused:
    case DomainEventKind::resumed:
      break;  // of the VM, not of its run, or for others to judge
  }
}

/// Whatever was to end it has come to nothing.
void Run::keep_running() {
  end_cause_.reset();
  saving_.failed();
  told_to_shut_down_ = false;
}

void Run::on_rebooted(Moment now) {
  booted_usec_ = now.wall_usec;
  told_to_shut_down_ = false;
  panicked_ = false;  // its on_crash left it running
}

bool Run::boots(Moment now) const {
  constexpr std::uint64_t kBootUsec = 60'000'000;
  return booted_usec_ > 0 && now.wall_usec < booted_usec_ + kBootUsec;
}

}  // namespace virtsession
