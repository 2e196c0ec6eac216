// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "systemd/scope_spec.hpp"
#include "systemd/unit_status.hpp"

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sdbus {
class IConnection;
}

namespace virtsession {

class EventLoop;

/// How a job gets along with others, see --job-mode= in systemctl(1).
enum class JobMode {
  replace,
  /// The unit alone. While the manager stops, a unit that needs one with a stop job starts in no other way, and one
  /// whose own stop job waits for others stops at once.
  ignore_dependencies,
};

/// The user's systemd manager over its D-Bus API, org.freedesktop.systemd1(5). Answers come on the main loop, in a
/// later pass and never from inside a call. A call waits for the bus daemon only where a match rule is added (connect()
/// and the first status of a unit), never for systemd. Main loop's thread only; loop and connection outlive it, and a
/// BusSource drives the connection. Destroying it drops what is pending: nothing is called afterwards. Without
/// connect(), or while the manager is away, calls end with `not_supported`.
class UserManager {
 public:
  using JobDone = std::function<void(const Result<void>&)>;
  using StatusChanged = std::function<void(const UnitStatus&)>;
  using Availability = std::function<void(bool available)>;

  /// \param away_limit how long a manager that went away may take to come back before pending jobs fail;
  /// daemon-reexec takes a fraction of a second
  UserManager(EventLoop& loop, sdbus::IConnection& session_bus,
              std::chrono::milliseconds away_limit = std::chrono::seconds(10));
  ~UserManager();
  UserManager(const UserManager&) = delete;
  UserManager& operator=(const UserManager&) = delete;

  /// Subscribes to the manager's signals, once in the object's life. \param done with `not_supported` at once when no
  /// user manager is on this bus; nothing is activated. One that comes later is used all the same.
  void connect(JobDone done);
  /// Calls `changed` whenever the manager comes or goes: for a moment at `systemctl --user daemon-reexec`, which jobs
  /// and watches survive. Not for the state at connect().
  void on_availability(Availability changed);

  /// Queues a job (mode "replace" unless another is given) and answers when it was removed (JobRemoved): success for
  /// "done", otherwise `operation_failed` with systemd's result and the unit's own, for a person:
  /// "virtsession-libvirtd.service failed: exit-code". When the manager stays away, `operation_failed` too.
  void start_unit(const std::string& unit, JobDone done, JobMode mode = JobMode::replace);
  void stop_unit(const std::string& unit, JobDone done, JobMode mode = JobMode::replace);
  void restart_unit(const std::string& unit, JobDone done);
  /// Sends a signal to the unit's main process alone: others in the cgroup of a libvirt daemon are running VMs.
  void kill_unit(const std::string& unit, int signal_number, JobDone done);

  /// Moves running processes into a new scope in virtsession.slice, wherever they were. It goes with its last process.
  /// At the end of the session it is stopped after virtsessiond.service and before the libvirt daemons, with SIGTERM.
  /// A unit of this name that exists is a failure, as is a process that has ended. Answers as start_unit().
  void start_scope(const ScopeSpec& spec, const std::vector<pid_t>& pids, JobDone done);
  /// Other limits from now on, until the scope goes; those without a value are reset.
  void set_scope_limits(const std::string& unit, const ScopeLimits& limits, JobDone done);
  /// Moves processes into a scope that exists.
  void add_to_scope(const std::string& unit, const std::vector<pid_t>& pids, JobDone done);

  /// Calls `changed` with the status now, then for every change, until unwatch_unit(); again after the manager was
  /// re-executed or reloaded, if the status is another one then. A unit that systemd cannot name has the load state
  /// "error". One watch a unit: a second call takes the first one's place.
  void watch_unit(const std::string& unit, StatusChanged changed);
  void unwatch_unit(const std::string& unit);
  /// The manager's SystemState, "running", "degraded", "stopping" ...: nothing of it is cached.
  void system_state(std::function<void(const Result<std::string>&)> done);
  /// How long a service may take to stop (TimeoutStopUSec); nothing for infinity.
  void stop_timeout(const std::string& unit,
                    std::function<void(const Result<std::optional<std::chrono::microseconds>>&)> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace virtsession
