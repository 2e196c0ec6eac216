// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "systemd/scope_spec.hpp"
#include "systemd/unit_reader.hpp"

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace virtsession {

/// Jobs that were queued here, by their object path, until systemd removes them. Main loop's thread only; a part of
/// UserManager.
class UnitJobs {
 public:
  using Done = std::function<void(const Result<void>&)>;
  using Answer = std::function<void(Done done, Result<void> result)>;

  UnitJobs(sdbus::IProxy& manager, AsyncCaller& caller, UnitReader& reader, Answer answer)
      : manager_(manager), caller_(caller), reader_(reader), answer_(std::move(answer)) {}

  /// Calls StartUnit, StopUnit or RestartUnit and answers when the job is gone. \param mode as in systemctl(1)
  void queue(UnitVerb verb, const std::string& unit, const std::string& mode, Done done);
  /// Calls StartTransientUnit and answers when the job is gone.
  void queue_scope(const ScopeSpec& spec, const std::vector<pid_t>& pids, Done done);
  /// The signal JobRemoved.
  void removed(const std::string& job, const std::string& result);
  /// After the manager was away: jobs that it does not have any more have ended unseen, and the unit's state decides.
  void recheck();
  void fail_all(const std::string& message);
  bool empty() const { return jobs_.empty(); }

 private:
  struct Job {
    UnitVerb verb;
    std::string unit;
    Done done;
  };

  template <class... Arguments>
  void call(const char* method, Job job, const Arguments&... arguments);
  void queued(const std::string& path, Job job);
  void finish(const Job& job, const std::string& result);
  void finish_unseen(const Job& job);

  sdbus::IProxy& manager_;
  AsyncCaller& caller_;
  UnitReader& reader_;
  Answer answer_;
  std::multimap<std::string, Job> jobs_;  ///< by object path: systemd merges equal jobs into one
  /// Results that came while a reply was due: JobRemoved may overtake the reply that names the job.
  std::map<std::string, std::string> early_;
  unsigned replies_due_ = 0;
};

}  // namespace virtsession
