// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/answers.hpp"
#include "core/backoff.hpp"
#include "core/battery_run.hpp"
#include "core/calls.hpp"
#include "core/conditions.hpp"
#include "core/config.hpp"
#include "core/context.hpp"
#include "core/definitions.hpp"
#include "core/explain.hpp"
#include "core/forwards.hpp"
#include "core/history.hpp"
#include "core/kept_state.hpp"
#include "core/outbox.hpp"
#include "core/past.hpp"
#include "core/shared_policies.hpp"
#include "core/sleep_run.hpp"
#include "core/start_run.hpp"
#include "core/stop_run.hpp"
#include "core/views.hpp"
#include "core/vm_life.hpp"
#include "core/vm_requests.hpp"
#include "core/vms.hpp"
#include "core/wishes.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {

/// The facade of the core: the state machine over all VMs. Pure: events in with their time, actions out, no I/O, no
/// clock, no thread. An event goes to the object whose noun it is about; then advance() lets the stop of all, the
/// host's sleep, its battery and the starts go on, in this order. The owner calls one event at a time, then
/// take_actions(), and looks at wake(), wanted_facts(), probes() and kept_state().
class Supervisor {
 public:
  static constexpr Duration kReconnectTime = StopRun::kReconnectTime;

  Supervisor(Config config, const KeptState& kept, std::uint32_t seed);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  /// Whether the instance that left this was stopping VMs for the end of the session: a new one goes on with it.
  static bool is_in_stop(const KeptState& kept);

  // Events.
  void on_listed(const std::vector<DomainSnapshot>& domains, Moment now);
  /// The next list is the first since a home was mounted that libvirt reads its definitions from: the autostart of this
  /// login goes on with what is first seen in it.
  void on_home_mounted() { start_run_.expect_newcomers(); }
  /// What the last login left is known only now: the state folder hung, or came with a home that was mounted late.
  /// \param lasting of KeptState
  void on_lasting_read(const nlohmann::json& lasting, Moment now);
  /// \param domain nothing: the VM is gone
  void on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain, Moment now);
  /// A VM stands still, or goes on. \param state of the run that is known; of another one it says nothing
  void on_run_state(const std::string& uuid, const DomainRunState& state, Moment now);
  void on_domain_event(const DomainEvent& event, Moment now);
  void on_operation_done(OperationId id, const Result<void>& result, Moment now);
  void on_libvirt_lost(Moment now);
  /// libvirt has not answered for a while: requests that wait for a call fail with `why`, and the calls stay in flight.
  void on_libvirt_silent(const Error& why);
  void on_request(RequestId id, const VmRequest& request, Moment now);
  /// Starts the marked VMs as at login. \param wait the request is answered when all have settled, not at once
  void on_autostart_request(RequestId request, bool wait, const Caller& caller, Moment now);
  void on_config(Config config, Moment now);
  void on_facts(const HostFacts& facts, Moment now);
  /// The kernel has killed a process of some VM for want of memory. libvirt reports shortly which VM ended.
  void on_memory_kill(Moment now) { memory_killed_ = now.steady; }
  /// GNOME Boxes was opened or closed.
  void on_boxes(bool open, Moment now);
  void on_tcp_ready(const std::string& uuid, Moment now);
  void on_tick(Moment now) { advance(now); }
  void on_job_progress(const std::string& uuid, const JobProgress& progress, Moment now);
  void on_addresses(const std::string& uuid, FoundAddresses found) { requests_.on_addresses(uuid, std::move(found)); }
  void on_forwards(const std::string& uuid, const ForwardReport& report) { forwards_.on_report(uuid, report); }
  /// \param scope the unit that the VM's processes are in; empty when they are in none of their own
  /// \param started_usec when its QEMU was started: CLOCK_REALTIME, microseconds; 0 when it is not known
  void on_scope(const std::string& uuid, const std::string& scope, std::uint64_t started_usec = 0);
  /// Stops all VMs by their policies, as at the end of the session. \param wait as for on_autostart_request()
  /// \param deadline nothing: every action gets its full time
  void on_stop_all(RequestId request, bool wait, const Caller& caller, std::optional<SteadyTime> deadline, Moment now);
  /// The session ends: VMs are stopped until `deadline`, and nothing is started any more.
  void on_session_end(SteadyTime deadline, Moment now);
  /// A person does not want to wait: every VM that is being stopped goes on to its last action.
  void on_hurry(Moment now);
  /// A QEMU that was terminated without libvirt has ended.
  void on_qemu_ended(const std::string& uuid, Moment now);
  /// InhibitDelayMaxUSec of logind; its default until it is known.
  void on_sleep_delay(Duration delay) { sleep_run_.set_delay(delay); }
  /// logind's PrepareForSleep. \param begins the host is about to sleep; otherwise it woke up
  void on_sleep(bool begins, Moment now);

  std::vector<Action> take_actions() { return outbox_.take(); }
  /// VMs that may look different now, or are gone: what has to be compared with what was last shown.
  std::set<std::string> take_changed() { return vms_.take_changed(); }

  // What the owner has to arrange for; compared with what it arranged before.
  std::optional<SteadyTime> wake() const;
  WantedFacts wanted_facts() const;
  std::map<std::string, TcpProbe> probes() const;                                 ///< by uuid
  const KeptState& kept_state();                                                  ///< until the next call
  std::map<std::string, ScopeWish> scopes() const { return scope_wishes(vms_); }  ///< by uuid
  /// Whether the host's sleep has to wait for us: a VM has to be paused or saved before.
  bool wants_sleep_lock() const { return sleep_run_.wants_lock(); }
  /// Whether libvirt has not answered a call yet.
  bool awaits_libvirt() const { return calls_.any(); }
  /// The deadline of a session that ends; nothing while it does not.
  std::optional<SteadyTime> session_end() const {
    return stop_run_.ends_session() ? stop_run_.deadline() : std::nullopt;
  }
  /// The session ended, and there is nothing left to be done.
  bool session_over() const { return stop_run_.session_over(); }

  // Views.
  bool connected() const { return connected_; }
  bool has(const std::string& uuid) const { return vms_.find(uuid) != nullptr; }
  Result<std::string> find_vm(const std::string& name_or_uuid) const;
  std::vector<std::string> uuids() const { return vms_.uuids(); }
  VmView view(const std::string& uuid) const;
  AutostartState autostart_state() const { return start_run_.state(); }
  std::string autostart_reason() const { return explain_autostart(vms_, start_run_); }
  /// What a new libvirt daemon would do harm to, for a person; empty when nothing.
  std::string loss_by_libvirt_restart() const { return explain_loss_by_restart(vms_); }
  std::map<std::string, std::uint32_t> counts() const { return counts_of(vms_, connected_); }
  /// What plan_start() has to know of the host.
  WantedFacts plan_facts() const { return facts_of_start(vms_, start_run_); }
  std::vector<PlanStep> plan_start(const HostFacts& facts) const { return explain_start(vms_, start_run_, facts); }
  StopState stop_state() const { return stop_run_.under_way() ? StopState::running : StopState::idle; }
  /// How a run that stops all VMs gets on, for a person; empty when there is none.
  std::string stop_progress(SteadyTime now) const { return explain_progress(vms_, stop_run_, now); }
  /// \param budget time for all of it
  std::vector<PlanStep> plan_stop(Duration budget) const { return explain_stop(vms_, config_.stop_parallel, budget); }
  /// When each VM that runs would be off at the latest, in seconds from the begin of a stop of all without a deadline.
  std::map<std::string, double> stop_ends() const { return explain_stop_ends(vms_, config_.stop_parallel); }
  std::vector<HistoryEntry> history(const std::string& uuid, std::size_t limit) const {
    return history_.entries(uuid, limit);
  }
  /// What can be said about a request before it is made.
  Result<void> check(const VmRequest& request) const { return requests_.check(request, starts_forbidden()); }

 private:
  Supervisor(Config config, Kept kept, std::uint32_t seed);
  void add(const DomainSnapshot& domain, bool just_now, Moment now);
  void remove(const std::string& uuid, Moment now);
  void update(Vm& vm, const DomainSnapshot& domain, Moment now);
  void start_failed(Vm& vm, const Error& error, Moment now);
  void advance(Moment now);
  /// Why nothing may be started; empty when it may.
  std::string starts_forbidden() const;
  Surroundings around(const Vm& vm, Moment now) const;

  Config config_;
  HostFacts facts_;
  bool connected_ = false;
  BoxesSeen boxes_;
  std::optional<SteadyTime> memory_killed_;
  Outbox outbox_;
  History history_;
  Backoff backoff_;
  Answers answers_{outbox_};
  Calls calls_{outbox_};
  SharedPolicies policies_;
  std::uint64_t save_kib_per_sec_ = 0;
  Context context_{config_, facts_,   connected_, outbox_,   history_,         answers_,
                   calls_,  backoff_, boxes_,     policies_, save_kib_per_sec_};
  Vms vms_{context_};
  Past past_;
  KeptStates kept_states_;
  Definitions definitions_{history_};
  StartRun start_run_;
  StopRun stop_run_{context_, vms_};
  SleepRun sleep_run_{context_, vms_};
  BatteryRun battery_run_;
  VmRequests requests_{context_, vms_};
  Forwards forwards_{context_, vms_};
};

}  // namespace virtsession
