// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/conditions.hpp"
#include "core/moment.hpp"
#include "core/request.hpp"
#include "core/result.hpp"
#include "core/views.hpp"
#include "core/vms.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// All starts by policy: those of a login's autostart in their order, and restarts. Who holds up whom, how many go at
/// once, and when all have settled.
class StartRun {
 public:
  /// \param begun an instance before has begun the autostart of this login \param was_up what ran at the last stop
  StartRun(const Context& context, Vms& vms, bool begun, std::set<std::string> was_up);

  /// The first list of this login was read. \param starts the marked VMs are started
  void on_first_list(bool starts, Moment now);
  void begin(const Cause& cause, Moment now);
  /// Somebody wants this VM to be started by its policy: a RequestKind::start. It is answered at once.
  void on_request(RequestId id, const VmRequest& request, Moment now);
  /// The next list has VMs that were not there before because their definitions were not: they are started as at login.
  void expect_newcomers() {
    expects_newcomers_ = begun_;  // before the first list, all are
    may_learn_ = true;
  }
  /// What was up at the last stop is known only now: it is started as at login, unless somebody stopped it since, or an
  /// instance before has begun the autostart.
  void on_was_up(std::set<std::string> uuids, bool starts, Moment now);
  /// A list was read, and these are seen for the first time, by uuid.
  void on_newcomers(const std::set<std::string>& uuids, bool starts, Moment now);
  /// Brings every start as far as it can go now.
  void advance(Moment now);
  /// libvirt could not start a VM, by policy or for somebody.
  void on_failed(Vm& vm, const Error& error, Moment now);

  bool begun() const { return begun_; }
  AutostartState state() const;
  /// Up at the last stop, by uuid; until autostart has used it.
  const std::set<std::string>& was_up() const { return was_up_; }
  /// It would be started by the autostart of a login.
  bool wants(const Vm& vm) const;
  /// It should run, and something is in the way: that is said of it until it runs, or somebody stops it.
  bool lacks(const Vm& vm) const;
  /// When a start, or a VM that waits to be ready, has to be looked at for the passage of time.
  std::optional<SteadyTime> wake() const;
  WantedFacts wanted_facts() const;

  /// Names in start_after, flags or policies may have changed.
  void check_dependencies();
  void dependencies_stale() { dependencies_stale_ = true; }
  std::vector<Problem> dependency_problems(const std::string& uuid) const;
  /// "; without ...": what a VM would have waited for and goes without, for its reason.
  std::string missing_text(const Vm& vm) const;

 private:
  struct Planned {
    std::int64_t order = 0;
    std::vector<std::string> after;
    bool moves = true;  ///< its start comes to an end by itself: it waits for nothing of the host
  };

  void begin(Vm& vm, const Cause& cause, Moment now);
  void rebuild_plan();
  void find_holders();
  bool advance_vm(Vm& vm, Moment now);
  StartTurn turn_of(const Vm& vm) const;
  void start_now(Vm& vm, Moment now);
  std::uint64_t reserved_memory_mib(const Vm& except) const;
  void answer_settled();

  const Context& context_;
  Vms& vms_;
  bool begun_;
  bool expects_newcomers_ = false;
  bool may_learn_;  ///< what was up at the last stop still counts
  std::set<std::string> was_up_;
  bool dependencies_stale_ = true;
  std::map<std::string, std::vector<Problem>> dependency_problems_;  ///< by uuid
  std::vector<std::string> plan_order_;
  std::map<std::string, Planned> plan_;
  std::int64_t lowest_holding_order_ = 0;
};

}  // namespace virtsession
