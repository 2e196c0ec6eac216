// SPDX-License-Identifier: LGPL-2.1-or-later
#include "world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

// How QEMU and passt forward ports.

namespace virtsession {

Result<void> World::forward(FakeDomain& domain, const call::SyncForwards& call) {
  ++forward_calls;
  if (!domain.monitor_failure.empty()) return Error{ErrorCode::operation_failed, domain.monitor_failure};
  ForwardReport report;
  for (const auto& forward : call.remove) std::erase(domain.forwards, forward);
  for (const auto& forward : call.add) {
    const auto has_port = [&](const Forward& other) { return overlap(other.host, forward.host); };
    bool taken = std::ranges::any_of(listened, [&](const HostPort& host) { return overlap(host, forward.host); });
    for (const auto& [uuid, other] : domains_)
      taken |= std::ranges::any_of(other.forwards, has_port) || std::ranges::any_of(other.snapshot.forwards, has_port);
    if (taken)
      report.failed.push_back({forward, "sshd (pid 7) has " + to_text(forward.host)});
    else if (forward.host.port < 1024)
      report.failed.push_back({forward, "only root may", false});
    else
      domain.forwards.push_back(forward);
  }
  report.there = domain.forwards;
  report_ = report;
  return {};
}

void World::define_forwards(FakeDomain& domain, const call::DefineForwards& call) {
  auto& snapshot = domain.snapshot;
  for (const auto& own : snapshot.own_forwards) std::erase(snapshot.next_forwards, own);
  snapshot.own_forwards = call.wanted;
  snapshot.next_forwards.insert(snapshot.next_forwards.end(), call.wanted.begin(), call.wanted.end());
  send_event(snapshot.uuid, DomainEventKind::defined);
}

void World::check_forward_call(const FakeDomain& domain, const Operation& operation) const {
  const auto kind = operation.kind();
  if (kind != OperationKind::sync_forwards && kind != OperationKind::define_forwards) return;
  CAPTURE(domain.snapshot.name);
  CHECK_MESSAGE((kind == OperationKind::define_forwards || domain.snapshot.active()), "QEMU does not run");
  CHECK_MESSAGE(stop_state() == "idle", "libvirt has better things to do while all VMs are stopped");
  CHECK_MESSAGE(!domain.snapshot.in_job, "QEMU does not answer in a job");
  for (const auto& call : calls_) {
    if (call.operation.uuid != operation.uuid || call.operation.id == operation.id) continue;
    const auto other = call.operation.kind();
    const bool is_other = other != OperationKind::save && other != OperationKind::shutdown && other != kind &&
                          other != OperationKind::power_off && other != OperationKind::start;
    CHECK_MESSAGE(is_other, "it is beside another call: " << to_text(other));
  }
}

Strings World::forwards(const std::string& name) const {
  Strings result;
  for (const auto& view : this->view(name).forwards)
    result.push_back(std::string(to_text(view.state)) + " " + to_text(view.forward.host) + " to " +
                     std::to_string(view.forward.guest_port) + (view.spec.empty() ? " (not by policy)" : "") +
                     (view.reason.empty() ? "" : ": " + view.reason));
  return result;
}

}  // namespace virtsession
