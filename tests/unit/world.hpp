// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/supervisor.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {

using Strings = std::vector<std::string>;

/// What a test says of a VM when it defines it.
struct VmSpec {
  bool autostart = false;
  std::optional<bool> once = std::nullopt;  ///< nothing: this libvirt has no such flag
  nlohmann::json policy = nullptr;          ///< null: no policy element
  bool persistent = true;
  bool running = false;
  std::uint64_t memory_mib = 0;
  bool agent_channel = true;
  std::vector<Network> networks = {};
};

/// A VM that runs.
VmSpec running(const nlohmann::json& policy = nullptr);

/// A domain of the fake libvirt and how it behaves.
struct FakeDomain {
  DomainSnapshot snapshot;
  Strings start_failures;  ///< libvirt's words for the next starts that fail
  bool start_always_fails = false;
  bool retry_helps = true;          ///< what libvirt's error says of such a start
  bool destroyed_in_start = false;  ///< another client destroys it while it is started the next time
  bool dies_at_once = false;        ///< it starts, and QEMU crashes before anybody has looked
  bool ignores_shutdown = false;    ///< the guest does nothing when it is asked, in whatever way
  bool ignores_button = false;      ///< it does nothing when its power button is pressed
  bool ignores_agent = false;       ///< its agent says that it shuts down, and nothing happens
  bool sleeps_on_button = false;    ///< its power button sends it to sleep
  bool reboots_instead = false;
  bool ignores_sigterm = false;
  bool cannot_abort = false;   ///< a save that was begun goes on
  std::string any_failure;     ///< libvirt's words for every call but a start, when not empty
  std::string button_failure;  ///< libvirt's words when the button is pressed; the same for those below
  std::string agent_failure;
  std::string save_failure;
  std::string save_refusal;  ///< it never can be saved
  std::string power_off_failure;
  std::string resume_failure;
  Duration start_takes{};
  Duration boot_takes{};      ///< until it sees its power button, from each start
  Duration shutdown_takes{};  ///< from when it is asked
  Duration agent_takes{};     ///< until libvirt has asked its agent
  Duration save_takes{};
  Duration question_takes{};  ///< until its agent has told its addresses
  bool questions_fail = false;
  std::vector<FoundAddress> agent_addresses = {};
  std::vector<FoundAddress> arp_addresses = {};
  SteadyTime booted{};
  bool saved_standing = false;                     ///< its saved state is of a guest that did not run
  bool asked = false;                              ///< it was asked to shut down and has heard it
  std::vector<std::uint64_t> clock_settings = {};  ///< the times that its agent was told
  std::vector<Forward> forwards = {};              ///< of its QEMU, by alias
  std::vector<Forward> run_own_forwards = {};      ///< passt's by policy, of the definition that it runs with
  std::string monitor_failure;                     ///< libvirt's words when QEMU is asked about them
};

/// The world around a Supervisor: a libvirt of plain data, a clock that a test moves, and a listener that keeps what
/// the supervisor says. It checks all the time that every request is answered once, that no transient VM is started,
/// stopped or paused, that nothing is started while all are stopped, that libvirt is asked for nothing while there is
/// no connection, that what is shown is up to date and that no wake-up is asked for in the past.
class World {
 public:
  explicit World(Config config = {}, KeptState kept = {}, std::uint32_t seed = 1);

  Supervisor& supervisor() { return *supervisor_; }
  FakeDomain& domain(const std::string& name);
  std::string uuid(const std::string& name) const;
  bool exists(const std::string& name) const;
  Strings names() const;
  const Config& config() const { return config_; }

  // The clock.
  Moment now() const;
  /// Lets time pass, ticks when the supervisor wants to be woken, and lets libvirt end the calls that are due.
  void pass(double seconds);
  /// Libvirt ends every call that it was given, also those that follow, without time passing.
  void deliver();
  /// Libvirt ends one call: the oldest for this VM.
  void deliver(const std::string& name);
  void tick();

  // The connection.
  void connect();
  /// \param executed whether the daemon had done what it was asked to when it died
  void lose_libvirt(bool executed = false);
  bool connected() const { return connected_; }
  /// It takes every call and answers none, until it is lost.
  void hang_libvirt() { libvirt_hangs_ = true; }
  /// It goes on.
  void wake_libvirt() { libvirt_hangs_ = false; }
  /// How long it takes to replace it when the supervisor wants that; nothing: it does not come back.
  std::optional<Duration> replacement_takes;
  /// The supervisor dies and its next instance begins with what it kept; connect() follows.
  /// \param knows_lasting what is in state.json was read in time
  void restart_supervisor(bool executed = false, bool knows_lasting = true);
  void start_supervisor(const KeptState& kept);
  KeptState kept() const { return supervisor_->kept_state(); }

  // Other libvirt clients, guests and hosts.
  void define(const std::string& name, const VmSpec& spec = {});
  void undefine(const std::string& name);
  /// One that was there before, with its uuid.
  void add(const FakeDomain& domain);
  void rename(const std::string& from, const std::string& to);
  void foreign_start(const std::string& name);
  void foreign_shutdown(const std::string& name);  ///< the guest obeys
  void foreign_destroy(const std::string& name);
  void foreign_save(const std::string& name);
  void kill_qemu(const std::string& name);  ///< SIGKILL
  void terminate_qemu(const std::string& name);
  void panic(const std::string& name);  ///< on_crash=destroy
  void foreign_pause(const std::string& name);
  void foreign_resume(const std::string& name);
  /// Another client begins to save it, which foreign_save() ends.
  void foreign_save_begins(const std::string& name);
  /// The kernel kills it for want of memory.
  void kill_for_memory(const std::string& name);
  /// GNOME Boxes is opened or closed.
  void boxes(bool open);
  void fall_asleep(const std::string& name);  ///< the guest suspends itself to its memory
  /// QEMU pauses the guest: it could not write to the file.
  void fill_disk(const std::string& name, const std::string& file);
  void set_flag(const std::string& name, bool enable);
  void set_policy(const std::string& name, const nlohmann::json& policy);
  void set_policy_text(const std::string& name, std::optional<std::string> text);
  void connect_agent(const std::string& name);
  void answer_tcp(const std::string& name);
  void facts(const HostFacts& facts);
  /// What is in state.json comes late.
  void lasting_read(const nlohmann::json& lasting);
  void configure(Config config);
  /// Tells of the domain's state without an event, as after a call.
  void refresh(const std::string& name);
  void event(const std::string& name, DomainEventKind kind);

  // The session and the host.
  void end_session(double seconds);
  void hurry();
  void sleep();
  void wake_up();

  // Requests.
  using Change = std::function<void(VmRequest&)>;
  RequestId request(RequestKind kind, const std::string& name, const Change& change = {});
  RequestId request_autostart(bool wait = true);
  RequestId request_stop_all(bool wait = true, std::optional<double> seconds = {});
  /// "" when there is none yet, "ok", or the error's name.
  std::string answer(RequestId id) const;
  std::string answer_text(RequestId id) const;
  std::size_t unanswered() const { return outstanding_.size(); }

  // What came of it.
  VmView view(const std::string& name) const;
  std::string phase(const std::string& name) const;
  std::string reason(const std::string& name) const;
  std::string intent(const std::string& name) const;
  bool running(const std::string& name);
  std::string autostart_state() const;
  Strings pending() const;  ///< calls that libvirt has not ended, "start db"; those for addresses apart
  std::size_t questions(const std::string& name) const;  ///< for its addresses, that libvirt has not answered
  const Strings& started() const { return started_; }    ///< names, in the order in which the calls were made
  /// What was done to stop VMs, in the order in which the calls were made: "agent web", "button db", "save db".
  const Strings& stops() const { return stops_; }
  void forget_stops() { stops_.clear(); }
  const Strings& terminated() const { return terminated_; }  ///< names, of those that SIGTERM was sent to
  const Strings& replacements() const { return replacements_; }
  std::string stop_state() const { return std::string(to_text(supervisor_->stop_state())); }
  std::size_t most_starts_in_flight() const { return most_starts_in_flight_; }
  bool has_notice(const std::string& name, Incident incident) const;
  /// "active 127.0.0.1:2222/tcp to 22", and why, of what a VM shows
  Strings forwards(const std::string& name) const;
  /// Other programs listen on these ports of the host.
  std::vector<HostPort> listened = {};
  /// How often QEMU was asked about forwards.
  int forward_calls = 0;
  /// \param name empty for what is about all VMs
  Strings journal(const std::string& name, Incident incident) const;
  std::vector<HistoryEntry> history(const std::string& name) const;
  /// Compares what is shown with what is so at every n-th event: it takes long with many VMs.
  unsigned view_check_interval = 1;
  /// Looks at every start that was not asked for by a request, when it is made.
  std::function<void(const std::string& name)> on_policy_start;
  /// Looks at every shutdown, save and power-off that was not asked for by a request, when it is made.
  std::function<void(const std::string& name, OperationKind kind)> on_policy_stop;

 private:
  struct Call {
    Operation operation;
    SteadyTime due;
  };

  /// Something that happens by itself.
  struct Planned {
    SteadyTime due;
    std::function<void()> happen;
  };

  void later(Duration wait, std::function<void()> happen);
  Duration takes(const FakeDomain& domain, const Operation& operation) const;
  void execute(Call call);
  void begin(const Operation& operation);
  void check_operation(const FakeDomain& domain, const Operation& operation, bool asked_for);
  void abort_save(const std::string& uuid);
  void tell_progress(const std::string& uuid);
  void tell_addresses(const Operation& operation);
  Result<void> ask_guest(FakeDomain& domain, ShutdownWay way);
  void obey(FakeDomain& domain);
  std::deque<Call>::iterator save_of(const std::string& uuid);
  void terminate(const std::string& uuid);
  void replace_libvirt(const std::string& reason);
  Result<void> apply(FakeDomain& domain, const Operation& operation);
  Result<void> forward(FakeDomain& domain, const call::SyncForwards& call);
  void define_forwards(FakeDomain& domain, const call::DefineForwards& call);
  void check_forward_call(const FakeDomain& domain, const Operation& operation) const;
  void start(FakeDomain& domain);
  void stop(FakeDomain& domain, ShutoffReason reason, std::optional<DomainEventKind> before);
  void send(const std::string& uuid);
  void send_run_state(const std::string& uuid);
  /// \param name of a domain that is gone
  void send_event(const std::string& uuid, DomainEventKind kind, std::string name = {});
  void collect();
  void take(const Action& action);
  void check_views();

  Config config_;
  std::uint32_t seed_;
  std::unique_ptr<Supervisor> supervisor_;
  bool connected_ = false;
  SteadyTime time_{std::chrono::seconds(1000)};
  std::map<std::string, FakeDomain> domains_;  // by uuid
  int next_id_ = 1;
  std::uint64_t next_uuid_ = 1;
  std::deque<Call> calls_;
  std::optional<ForwardReport> report_;  // of the call that is being executed
  std::deque<Planned> planned_;
  bool libvirt_hangs_ = false;
  Strings stops_;
  Strings terminated_;
  Strings replacements_;
  RequestId next_request_ = 1;
  std::set<RequestId> outstanding_;
  std::map<RequestId, Result<void>> answers_;
  std::string asked_for_;           // uuid of the VM about which a request is being made
  std::set<std::string> unwanted_;  // uuids of VMs that somebody has asked to shut down
  std::set<OperationId> policy_starts_;
  std::size_t most_starts_in_flight_ = 0;
  Strings started_;
  std::vector<JournalEntry> journal_;
  std::set<std::pair<std::string, Incident>> notices_;
  std::map<std::string, VmView> shown_;
  unsigned events_ = 0;
};

/// One with the VM "a", connected.
World with(const VmSpec& spec);

/// Three that run: "web" starts after "app", and that after "db".
void define_chain(World& world, Duration shutdown_takes = std::chrono::seconds(5));

}  // namespace virtsession

namespace doctest {
template <>
struct StringMaker<virtsession::Strings> {
  static String convert(const virtsession::Strings& strings) {
    std::string text;
    for (const auto& one : strings) text += (text.empty() ? "" : " | ") + one;
    return text.c_str();
  }
};
}  // namespace doctest
