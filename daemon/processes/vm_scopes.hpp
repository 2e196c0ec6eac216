// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/backoff.hpp"
#include "processes/vm_processes.hpp"
#include "systemd/scope_spec.hpp"
#include "systemd/user_manager.hpp"
#include "util/event_loop.hpp"
#include "util/lifetime.hpp"
#include "util/log.hpp"
#include "util/proc.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// Where the processes of VMs are known from, and how soon a failure is tried again; a test has its own.
struct ScopeSources {
  std::function<std::optional<VmProcesses>(const std::string& name, const std::string& uuid, int domain_id)> find =
      find_vm_processes;
  std::function<std::string(pid_t)> unit_of = virtsession::unit_of;
  std::chrono::milliseconds first_retry = std::chrono::seconds(1);
};

/// Keeps every running VM in a scope of its own, "virtsession-NAME-1a2b3c4d.scope", with its helpers. A run that is in
/// one already, from before a restart of the daemon or a rename, stays in it. The order of a scope cannot be changed:
/// when other units are to be stopped after the VM, it moves into a new one, and the empty one goes. What fails is
/// tried again after longer and longer waits, and logged when it is new; a QEMU that has ended meanwhile, and a user
/// manager that is away or stops, are no failures. Loop's thread only; loop and manager outlive it.
class VmScopes {
 public:
  struct WantedScope {
    std::string name;
    int domain_id = -1;  ///< of this run, as libvirt has it
    ScopeLimits limits;
    std::set<std::string> after_units{};  ///< that are stopped after it

    bool operator==(const WantedScope&) const = default;
  };
  struct Report {
    std::string uuid;
    std::string unit;   ///< empty when the VM is in no scope of its own
    std::string error;  ///< empty after a success; beside a unit, its limits or helpers are not as they should be
    std::uint64_t started_usec = 0;  ///< when its QEMU was: CLOCK_REALTIME, microseconds; 0 when it is not known
  };
  using OnScope = std::function<void(const Report&)>;

  /// \param on_scope called on the loop when a run's scope is known, and at a failure; never from inside want()
  VmScopes(EventLoop& loop, UserManager& manager, OnScope on_scope, ScopeSources sources = {});
  VmScopes(const VmScopes&) = delete;
  VmScopes& operator=(const VmScopes&) = delete;

  /// The VMs that run, by UUID. Does only what differs from before, so it is cheap to call after every event: /proc is
  /// read for runs that are new, and limits that are other ones are applied at once.
  void want(const std::map<std::string, WantedScope>& wanted);

 private:
  using TimePoint = EventLoop::Clock::time_point;
  struct Run {
    std::string uuid;
    std::uint64_t serial = 0;
    WantedScope wanted;
    std::string unit;
    std::uint64_t started_usec = 0;
    bool is_ready = false;
    std::optional<ScopeLimits> limits;  ///< that the scope has, or will have when what is asked for succeeds
    std::set<pid_t> moved;
    std::optional<TimePoint> retry_at;
    std::uint32_t attempt = 0;
    log::Damped problem;
  };

  template <class T = void, class Then>
  std::function<void(const Result<T>&)> for_run(const Run& run, Then then);
  void look(Run& run);
  void start(Run& run, const VmProcesses& processes);
  void join(Run& run, const std::vector<pid_t>& pids, const Error& start_error);
  void ready(Run& run);
  void settle(Run& run);
  void add_helpers(Run& run);
  void set_limits(Run& run);
  void fail(Run& run, const Error& error);
  void report(const Run& run, const std::string& error);
  void retry_later(Run& run);
  void set_timer();
  void retry();

  EventLoop& loop_;
  UserManager& manager_;
  OnScope on_scope_;
  ScopeSources sources_;
  std::map<std::string, WantedScope> wanted_;
  std::map<std::string, Run> runs_;  ///< by UUID
  std::uint64_t next_serial_ = 1;
  Timer timer_;
  Backoff backoff_;
  Lifetime lifetime_;
};

/// "virtsession-NAME-1a2b3c4d.scope", with the name escaped as by systemd-escape(1), and cut where the unit's name
/// would be too long. With `after_units`, which the scope is ordered after, it ends in "-1a2b3c4d-5e6f7a8b.scope": what
/// a scope is ordered after can be told from its name.
std::string scope_name(const std::string& name, const std::string& uuid, const std::set<std::string>& after_units = {});

}  // namespace virtsession
