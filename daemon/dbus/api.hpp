// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/finding.hpp"
#include "core/request.hpp"
#include "core/result.hpp"
#include "core/views.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// What the D-Bus objects may ask of the daemon. Main loop's thread only. Every completion is called exactly once, from
/// the loop, perhaps before the call returns.
class Api {
 public:
  using Done = std::function<void(const Result<void>&)>;

  virtual ~Api() = default;

  /// \param name_or_uuid a VM's name (wins when both match) or uuid \return its uuid, or `no_such_vm`
  virtual Result<std::string> find_vm(const std::string& name_or_uuid) const = 0;
  /// \return all VMs, by name
  virtual std::vector<VmView> list_vms() const = 0;
  /// Checks what can be checked without libvirt, so that a property's setter can refuse at once.
  virtual Result<void> check(const VmRequest& request) const = 0;
  virtual void request(const VmRequest& request, Done done) = 0;
  /// What is known of where a VM can be reached; nothing of one that is gone.
  virtual std::vector<Address> addresses(const std::string& uuid) const = 0;

  /// Starts the marked VMs as at login. \param wait answer when all have settled, not at once
  virtual void autostart(const Caller& caller, bool wait, Done done) = 0;
  virtual std::vector<PlanStep> plan_start() const = 0;
  /// Stops all VMs by their policies. \param timeout to fit in; nothing: every action has its full time
  virtual void stop_all(const Caller& caller, bool wait, std::optional<std::chrono::milliseconds> timeout,
                        Done done) = 0;
  /// \param timeout nothing: the budget at the end of the session
  virtual std::vector<PlanStep> plan_stop(std::optional<std::chrono::milliseconds> timeout) const = 0;
  /// \param interactive polkit may ask for a password
  virtual void set_linger(bool enable, bool interactive, Done done) = 0;
  /// Looks at everything that can be wrong, which takes seconds. \param found called once, before `done`
  virtual void diagnose(std::function<void(std::vector<Finding>)> found, Done done) = 0;
  /// \param uuid empty for all VMs \param limit of entries, newest last; 0 for all that are kept
  virtual std::vector<HistoryEntry> history(const std::string& uuid, std::uint32_t limit) const = 0;
  /// Reads the configuration again. `invalid_config` leaves the old one in force. Answers when the change is shown.
  virtual void reload(Done done) = 0;
  /// Restarts the libvirt daemon's unit and answers when the connection is ready again. VMs run on, but for transient
  /// ones that end with the connection of their program. \param force also while a transient VM runs; else `busy`
  virtual void restart_libvirt(const Caller& caller, bool force, Done done) = 0;
};

}  // namespace virtsession
