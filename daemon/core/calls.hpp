// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/moment.hpp"
#include "core/operation.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

class Outbox;

/// A call to libvirt that has not answered.
struct PendingCall {
  Operation operation;
  Cause cause;
  std::optional<SteadyTime> look_again = {};  ///< of a save that was asked for: when to read its progress
};

/// The calls to libvirt that are in flight. Of those that change whether a VM runs there is one a VM at most.
class Calls {
 public:
  explicit Calls(Outbox& outbox) : outbox_(outbox) {}

  OperationId send(Operation operation, const Cause& cause);
  /// libvirt has answered. \return nothing: the call is of a connection that is gone
  std::optional<PendingCall> take(OperationId id);
  /// The VM is gone, or the connection: its calls are answered by nobody any more.
  std::vector<PendingCall> drop(const std::string& uuid);

  /// The call that changes whether a VM runs; nullptr when there is none.
  const PendingCall* lifecycle(const std::string& uuid) const;
  /// The same, but that a guest's agent is asked to shut it down: libvirt does other things with the VM meanwhile.
  const PendingCall* exclusive(const std::string& uuid) const;
  bool has(const std::string& uuid, OperationKind kind) const;
  /// Oldest first.
  std::vector<const PendingCall*> of_kind(const std::string& uuid, OperationKind kind) const;
  /// Of every VM.
  std::vector<const PendingCall*> of_kind(OperationKind kind) const;
  std::vector<OperationId> in_flight() const;
  bool any() const { return !vm_of_.empty(); }
  /// The newest change of a VM's policy that libvirt was told and has not answered.
  const call::SetPolicy* policy_change(const std::string& uuid) const;
  std::size_t starts() const { return starts_; }

  /// The save that a person asked for, whose progress is read again at `when`.
  void watch_save(OperationId id, SteadyTime when);
  const PendingCall* watched_save(const std::string& uuid) const;

 private:
  using OfVm = std::map<OperationId, PendingCall>;

  const OfVm& of(const std::string& uuid) const;

  Outbox& outbox_;
  OperationId next_ = 1;
  std::map<std::string, OfVm> calls_;         ///< by uuid
  std::map<OperationId, std::string> vm_of_;  ///< uuid
  std::size_t starts_ = 0;
};

/// Whether it changes whether a VM runs.
bool is_lifecycle(const Operation& operation);
/// Whether it ends a VM's run.
bool is_stop(OperationKind kind);

}  // namespace virtsession
