// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/conditions.hpp"
#include "core/config.hpp"
#include "core/history.hpp"
#include "core/moment.hpp"
#include "core/start_plan.hpp"
#include "core/vm_record.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace virtsession {

/// What a journal entry is about; each has a documented MESSAGE_ID (daemon/util/message_ids.hpp).
enum class Incident {
  phase,
  started,
  start_failed,
  crashed,
  gave_up,
  not_ready,
  bad_policy,
  stopping,
  stopped,
  forced
};

struct RunOperation {
  Operation operation;
};
struct Answer {
  RequestId request = 0;
  Result<void> result;
};
struct JournalEntry {
  Incident incident = Incident::phase;
  std::string uuid;  ///< empty, as the name, when it is about all VMs
  std::string name;
  std::string text;
};
/// What a person should see on the desktop; one per VM and incident, and taken back when it is over.
struct Notice {
  Incident incident = Incident::gave_up;
  std::string uuid;
  std::string name;
  std::string text;
};
struct WithdrawNotice {
  Incident incident = Incident::gave_up;
  std::string uuid;
};
/// libvirt does not answer, and what is to be done cannot wait: its daemon has to be replaced at once.
struct ReplaceLibvirt {
  std::string reason;
};
/// libvirt cannot be reached and time is up: QEMU is to be ended without it, by SIGTERM.
struct TerminateQemu {
  std::string uuid;
  std::string name;
};
using Action = std::variant<RunOperation, Answer, JournalEntry, Notice, WithdrawNotice, ReplaceLibvirt, TerminateQemu>;

/// The systemd scope that a running VM should have.
struct ScopeWish {
  std::string name;  ///< of the VM
  int domain_id = -1;
  std::optional<std::int64_t> cpu_weight, io_weight, memory_high_mib;

  bool operator==(const ScopeWish&) const = default;
};

/// A service that a VM has to answer at before it is ready.
struct TcpProbe {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const TcpProbe&) const = default;
};

/// What is kept in $XDG_RUNTIME_DIR for the next instance, and in $XDG_STATE_HOME for the next login, as JSON objects.
struct KeptState {
  nlohmann::json login = nlohmann::json::object();
  nlohmann::json lasting = nlohmann::json::object();

  bool operator==(const KeptState&) const = default;
};

/// The state machine over all VMs. Pure: events in with their time, actions out, no I/O, no clock, no thread. The owner
/// calls one event at a time, then take_actions(), and looks at wake(), wanted_facts(), probes() and kept_state().
class Supervisor {
 public:
  /// libvirt's daemon is reached again sooner than this, or does not come back: a stop does not wait longer for it.
  static constexpr Duration kReconnectTime = std::chrono::seconds(5);

  Supervisor(Config config, const KeptState& kept, std::uint32_t seed);
  /// Whether the instance that left this was stopping VMs for the end of the session: a new one goes on with it.
  static bool is_in_stop(const KeptState& kept);

  // Events.
  void on_listed(const std::vector<DomainSnapshot>& domains, Moment now);
  /// \param domain nothing: the VM is gone
  void on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain, Moment now);
  void on_domain_event(const DomainEvent& event, Moment now);
  void on_operation_done(OperationId id, const Result<void>& result, Moment now);
  void on_libvirt_lost(Moment now);
  void on_request(RequestId id, const VmRequest& request, Moment now);
  /// Starts the marked VMs as at login. \param wait the request is answered when all have settled, not at once
  void on_autostart_request(RequestId request, bool wait, const std::string& cause, Moment now);
  void on_config(Config config, Moment now);
  void on_facts(const HostFacts& facts, Moment now);
  void on_tcp_ready(const std::string& uuid, Moment now);
  void on_tick(Moment now);
  void on_job_progress(const std::string& uuid, const JobProgress& progress, Moment now);
  /// \param scope the unit that the VM's processes are in; empty when they are in none of their own
  void on_scope(const std::string& uuid, const std::string& scope);

  /// Stops all VMs by their policies, as at the end of the session. \param wait as for on_autostart_request()
  /// \param deadline nothing: every action gets its full time
  void on_stop_all(RequestId request, bool wait, const std::string& cause, std::optional<SteadyTime> deadline,
                   Moment now);
  /// The session ends: VMs are stopped until `deadline`, and nothing is started any more.
  void on_session_end(SteadyTime deadline, Moment now);
  /// Somebody does not want to wait: every VM that is being stopped goes on to its last action.
  void on_hurry(Moment now);
  /// A QEMU that was terminated without libvirt has ended.
  void on_qemu_ended(const std::string& uuid, Moment now);
  /// logind's PrepareForSleep. \param begins the host is about to sleep; otherwise it woke up
  void on_sleep(bool begins, Moment now);

  std::vector<Action> take_actions();
  /// VMs that may look different now, or are gone: what has to be compared with what was last shown.
  std::set<std::string> take_changed();

  // What the owner has to arrange for; compared with what it arranged before.
  std::optional<SteadyTime> wake() const;
  WantedFacts wanted_facts() const;
  std::map<std::string, TcpProbe> probes() const;  ///< by uuid
  KeptState kept_state() const;
  std::map<std::string, ScopeWish> scopes() const;  ///< by uuid
  /// Whether the host's sleep has to wait for us: a VM has to be paused or saved before.
  bool wants_sleep_lock() const;
  /// The deadline of a session that ends; nothing while it does not.
  std::optional<SteadyTime> session_end() const;
  /// The session ended, and there is nothing left to be done.
  bool session_over() const;

  // Views.
  bool connected() const { return connected_; }
  bool has(const std::string& uuid) const { return vms_.contains(uuid); }
  Result<std::string> find_vm(const std::string& name_or_uuid) const;
  std::vector<std::string> uuids() const;
  VmView view(const std::string& uuid) const;
  AutostartState autostart_state() const;
  std::map<std::string, std::uint32_t> counts() const;
  /// What plan_start() has to know of the host.
  WantedFacts plan_facts() const;
  std::vector<PlanStep> plan_start(const HostFacts& facts) const;
  StopState stop_state() const;
  /// How a run that stops all VMs gets on, for a person; empty when there is none.
  std::string stop_progress(SteadyTime now) const;
  /// \param budget time for all of it
  std::vector<PlanStep> plan_stop(Duration budget) const;
  /// When each VM that runs would be off at the latest, in seconds from the begin of a stop of all without a deadline.
  std::map<std::string, double> stop_ends() const;
  std::vector<HistoryEntry> history(const std::string& uuid, std::size_t limit) const;
  /// What can be said about a request before it is made.
  Result<void> check(const VmRequest& request) const;

 private:
  using Record = VmRecord;

  // supervisor.cpp: VMs as libvirt has them
  /// \param just_now it was not there a moment ago, so that it was started just now if it runs
  void add(const DomainSnapshot& domain, bool just_now, Moment now);
  void remove(const std::string& uuid, Moment now);
  void update(Record& record, const DomainSnapshot& domain, Moment now);
  std::optional<std::string> start_cause(Record& record) const;
  void started(Record& record, const std::optional<std::string>& our_cause, Moment now);
  void stopped(Record& record, Moment now);
  void crashed(Record& record, bool killed, const std::string& what, Moment now);
  void settle(Record& record, bool state_changed, Moment now);
  void settle_active(Record& record, const std::string& cause, Moment now);
  /// \param told the journal has it already
  void set_phase(Record& record, Phase phase, std::string reason, const std::string& cause, Moment now,
                 bool told = false);

  // supervisor_kept.cpp: what one instance leaves for the next
  bool restore(Record& record, Moment now);

  // supervisor_requests.cpp: what people ask for
  void request_start(Record& record, RequestId id, const VmRequest& request, Moment now);
  void request_stop(Record& record, RequestId id, const VmRequest& request, Moment now);
  void request_save(Record& record, RequestId id, const VmRequest& request, Moment now);
  void tell_save(Record& record, const std::string& progress, Moment now);
  void look_at_save(Record& record, Moment now);
  void request_plain(Record& record, RequestId id, const VmRequest& request);
  void reset_failed(Record& record, const std::string& cause, Moment now);
  OperationId call(Record& record, Operation operation, std::string cause, std::vector<RequestId> requests);
  void call_failed(Record& record, const PendingCall& call, const Error& error, Moment now);
  void call_succeeded(Record& record, const PendingCall& call, Moment now);
  void answer(RequestId id, Result<void> result);
  void answer_all(std::vector<RequestId>& requests, const Result<void>& result);
  void end_stop_wait(Record& record, const Result<void>& result);

  // supervisor_policy.cpp: from the configuration, metadata and requests
  void read_policy(Record& record);
  Result<std::string> merged_policy(const Record& record, const VmRequest& request) const;
  void request_policy(Record& record, RequestId id, const VmRequest& request);

  // supervisor_start.cpp: starts by policy
  bool wants_start(const Record& record) const;
  bool is_still_owed(const Record& record) const;
  void begin_autostart(const std::string& cause, Moment now);
  void advance(Moment now);
  bool advance_vm(Record& record, Moment now);
  bool pass_queue(Record& record, Moment now);
  bool pass_conditions(Record& record, Moment now);
  void start_now(Record& record, Moment now);
  void start_failed(Record& record, const Error& error, Moment now);
  void give_up(Record& record, const std::string& reason, const std::string& cause, Moment now);
  void cancel_task(Record& record, const std::string& reason, const std::string& cause, Moment now);
  std::uint64_t reserved_memory_mib(const Record* except) const;
  std::size_t starts_in_flight() const;
  void answer_settled();

  // supervisor_ready.cpp: readiness
  void begin_ready_wait(Record& record, bool ordered, Moment now);
  bool check_ready(Record& record, Moment now);
  static SteadyTime ready_check(const Record& record);

  // supervisor_stop.cpp: all VMs are stopped
  struct StopRun {
    std::string cause = {};
    bool ends_session = false;
    std::optional<SteadyTime> deadline = {};
    SteadyTime begun{};
    std::optional<SteadyTime> connected_by = {};  ///< a libvirt that is not reached by then is replaced
    bool hurried = false;                         ///< nothing but the last action of each VM is tried any more
    std::vector<RequestId> requests = {};
    std::set<std::string> up = {};                     ///< by uuid: what ran or should have, for the next login
    std::map<std::string, std::string> outcomes = {};  ///< by uuid
    bool over = false;
  };
  void begin_stop(StopRun run, Moment now);
  void cut_to_deadline(SteadyTime deadline, Moment now);
  void add_stop_tasks();
  void drop_start(Record& record, Moment now);
  void advance_stop(Moment now);
  bool advance_stop_of(Record& record, Moment now);
  bool pass_stop_queue(Record& record, Moment now);
  bool may_stop(const Record& record) const;
  void end_stop_run(Moment now);
  void restart_stop_task(Record& record);
  const StopTask* stop_task_of(const std::string& uuid) const;
  static StopNode stop_node(const Record& record, std::vector<StopAction> actions);
  void rebuild_stop_plan();
  StopFit fit(SteadyTime now, bool anew = false) const;
  SteadyTime last_call() const;
  std::optional<SteadyTime> stop_wake() const;
  bool is_to_be_stopped(const Record& record) const;
  std::vector<StopAction> possible_actions(const Record& record, std::string* left_out) const;

  // supervisor_stop_forced.cpp: libvirt does not stop VMs
  void check_libvirt_answers(Moment now);
  bool is_to_terminate(const Record& record) const;
  void terminate_the_rest(Moment now);

  // supervisor_stop_actions.cpp: one VM is stopped
  static bool is_forced(const StopTask& task);
  static StopTime time_of_action(const Record& record);
  static StopTime time_of_actions(const Record& record);
  void begin_stop_action(Record& record, Moment now);
  void act(Record& record, Moment now);
  void tell_action(Record& record, const std::string& progress, Moment now);
  void press_button(Record& record, Moment now);
  void button_pressed(Record& record, ShutdownWay way, const Result<void>& result, Moment now);
  void call_to_stop(Record& record, Operation operation, Moment now);
  void look_again(Record& record, Moment now);
  bool time_is_up(Record& record, Moment now);
  void next_stop_action(Record& record, const std::string& why, Moment now);
  void end_stop_task(Record& record, const std::string& outcome);
  void stop_call_done(Record& record, const PendingCall& call, const Result<void>& result, Moment now);
  void guest_came_back(Record& record, Moment now);
  void hurry(Record& record, Moment now);

  // supervisor_sleep.cpp: the host sleeps
  void put_to_sleep(Record& record, SleepAction action);
  void sleep_call_done(Record& record, const Result<void>& result, Moment now);
  void advance_sleep(Moment now);
  void wake_up(Record& record, Moment now);
  void set_clock(Record& record, Moment now);

  // supervisor_plan.cpp: who waits for whom
  void rebuild_plan();
  void find_holders();
  void check_dependencies();
  std::string missing_dependencies(const Record& record) const;

  Record* find(const std::string& uuid);
  const Record* find(const std::string& uuid) const;
  void journal(Incident incident, const Record& record, std::string text);
  void notify(Incident incident, const Record& record, std::string text);

  Config config_;
  HostFacts facts_;
  History history_;
  Backoff backoff_;
  bool connected_ = false;
  bool autostart_begun_ = false;
  bool dependencies_stale_ = true;
  bool host_sleeps_ = false;
  std::optional<StopRun> stop_run_;
  std::map<std::string, PlannedStop> stop_plan_;  ///< by uuid, of all that was to be stopped
  nlohmann::json restored_vms_;                   ///< of the last instance; a VM's entry goes when the VM was seen
  std::set<std::string> was_running_;             ///< up at the last stop, by uuid, until autostart has used it
  std::map<std::string, Record> vms_;             ///< by uuid
  OperationId next_operation_ = 1;
  std::map<OperationId, std::string> operations_;  ///< operation -> VM
  std::vector<RequestId> autostart_requests_;
  std::vector<Action> actions_;
  std::set<std::string> changed_;

  struct Planned {
    std::int64_t order = 0;
    std::vector<std::string> after;
    bool moves = true;  ///< its start comes to an end by itself: it waits for nothing of the host
    bool holds = true;  ///< a later order has to wait for it
  };
  std::vector<std::string> plan_order_;
  std::map<std::string, Planned> plan_;
  std::int64_t lowest_holding_order_ = 0;
};

}  // namespace virtsession
