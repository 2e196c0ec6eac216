// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/calls.hpp"

#include "core/outbox.hpp"

#include <algorithm>

namespace virtsession {
namespace {

bool is_exclusive(const Operation& operation) {
  switch (operation.kind()) {
    case OperationKind::shutdown:
      return std::get<call::Shutdown>(operation.call).way == ShutdownWay::acpi;
    case OperationKind::start:
    case OperationKind::save:
    case OperationKind::power_off:
    case OperationKind::reboot:
    case OperationKind::pause:
    case OperationKind::resume:
      return true;
    case OperationKind::set_autostart:
    case OperationKind::set_autostart_once:
    case OperationKind::set_policy:
    case OperationKind::abort_job:
    case OperationKind::job_progress:
    case OperationKind::set_time:
    case OperationKind::read_addresses:
    case OperationKind::sync_forwards:
    case OperationKind::define_forwards:
      break;
  }
  return false;
}

/// \return the first that `fits`, or nullptr
template <class Map, class Fits>
const PendingCall* first(const Map& calls, Fits fits) {
  const auto found = std::ranges::find_if(calls, [&](const auto& entry) { return fits(entry.second); });
  return found == calls.end() ? nullptr : &found->second;
}

}  // namespace

bool is_lifecycle(const Operation& operation) { return is_exclusive(operation) || is_stop(operation.kind()); }

bool is_stop(OperationKind kind) {
  return kind == OperationKind::shutdown || kind == OperationKind::save || kind == OperationKind::power_off;
}

OperationId Calls::send(Operation operation, const Cause& cause) {
  const auto id = operation.id = next_++;
  const auto uuid = operation.uuid;
  vm_of_[id] = uuid;
  starts_ += operation.kind() == OperationKind::start ? 1 : 0;
  outbox_.put(RunOperation{operation});
  calls_[uuid].emplace(id, PendingCall{std::move(operation), cause});
  return id;
}

std::optional<PendingCall> Calls::take(OperationId id) {
  const auto vm = vm_of_.extract(id);
  if (vm.empty()) return std::nullopt;
  const auto calls = calls_.find(vm.mapped());
  auto call = std::move(calls->second.at(id));
  calls->second.erase(id);
  if (calls->second.empty()) calls_.erase(calls);
  starts_ -= call.operation.kind() == OperationKind::start ? 1 : 0;
  return call;
}

std::vector<PendingCall> Calls::drop(const std::string& uuid) {
  std::vector<PendingCall> dropped;
  while (!of(uuid).empty()) dropped.push_back(*take(of(uuid).begin()->first));
  return dropped;
}

const PendingCall* Calls::lifecycle(const std::string& uuid) const {
  if (const auto* call = exclusive(uuid)) return call;
  return first(of(uuid), [](const PendingCall& call) { return is_lifecycle(call.operation); });
}

const PendingCall* Calls::exclusive(const std::string& uuid) const {
  return first(of(uuid), [](const PendingCall& call) { return is_exclusive(call.operation); });
}

std::vector<const PendingCall*> Calls::of_kind(const std::string& uuid, OperationKind kind) const {
  std::vector<const PendingCall*> calls;
  for (const auto& [id, call] : of(uuid))
    if (call.operation.kind() == kind) calls.push_back(&call);
  return calls;
}

std::vector<const PendingCall*> Calls::of_kind(OperationKind kind) const {
  std::vector<const PendingCall*> calls;
  for (const auto& [uuid, those] : calls_)
    for (const auto& [id, call] : those)
      if (call.operation.kind() == kind) calls.push_back(&call);
  return calls;
}

std::vector<OperationId> Calls::in_flight() const {
  std::vector<OperationId> ids;
  for (const auto& [id, uuid] : vm_of_) ids.push_back(id);
  return ids;
}

bool Calls::has(const std::string& uuid, OperationKind kind) const {
  return first(of(uuid), [&](const PendingCall& call) { return call.operation.kind() == kind; }) != nullptr;
}

const call::SetPolicy* Calls::policy_change(const std::string& uuid) const {
  const auto& calls = of(uuid);
  for (auto call = calls.rbegin(); call != calls.rend(); ++call)
    if (const auto* change = std::get_if<call::SetPolicy>(&call->second.operation.call)) return change;
  return nullptr;
}

void Calls::watch_save(OperationId id, SteadyTime when) { calls_.at(vm_of_.at(id)).at(id).look_again = when; }

const PendingCall* Calls::watched_save(const std::string& uuid) const {
  return first(of(uuid), [](const PendingCall& call) { return call.look_again.has_value(); });
}

const Calls::OfVm& Calls::of(const std::string& uuid) const {
  static const OfVm none;
  const auto found = calls_.find(uuid);
  return found == calls_.end() ? none : found->second;
}

}  // namespace virtsession
