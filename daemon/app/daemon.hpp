// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/arguments.hpp"
#include "app/diagnosis.hpp"
#include "conditions/host_watcher.hpp"
#include "core/supervisor.hpp"
#include "dbus/api.hpp"
#include "dbus/tree.hpp"
#include "desktop/notifications.hpp"
#include "link/libvirt_link.hpp"
#include "processes/vm_scopes.hpp"
#include "readiness/tcp_prober.hpp"
#include "session/login_manager.hpp"
#include "session/notify.hpp"
#include "session/session_end.hpp"
#include "session/state_files.hpp"
#include "systemd/user_manager.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"
#include "util/fatal_error.hpp"
#include "util/path_watcher.hpp"
#include "util/unique_fd.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace virtsession {

/// The composition root: owns everything, in the order in which it may be used, and wires it. Decisions are the core's.
///
/// One pass of the loop: events go into the supervisor, its operations to libvirt at once; at the end of the pass what
/// changed is published, then requests are answered, so that who has an answer finds the bus up to date.
class Daemon final : private LinkSink, private Api {
 public:
  /// \throws FatalError when something that it cannot be without is missing
  explicit Daemon(const Arguments& arguments);
  ~Daemon() override;

  /// Runs until SIGTERM or SIGINT. VMs run on, unless the session ends: then they are stopped before this returns.
  /// \return the exit code
  int run();

 private:
  struct LoadedConfig {
    std::string path;  ///< empty: the built-in defaults
    Config config;
    std::vector<Problem> problems;
  };

  // Start and end (daemon.cpp)
  LoadedConfig load_config() const;
  Result<void> reload_config();
  KeptState load_state();
  std::unique_ptr<sdbus::IConnection> connect_bus() const;
  void apply_config();
  void wait_for_user_manager();
  void start_link();
  void handle_signals();
  void fail(int exit_code, const std::string& text);
  void watch_autostart_links();
  void begin_session_end(SessionEnd::Time deadline);
  void interrupt();
  std::string choose_daemon() const;

  // A pass (daemon.cpp)
  void end_pass();
  void try_again(const std::string& uuid);
  std::string details(const Notice& notice) const;
  void execute(const Action& action);
  void arrange();
  void terminate_qemu(const TerminateQemu& action);
  void publish();
  ManagerView manager_view() const;
  SupervisedFacts supervised_facts() const;
  std::string status_text() const;
  /// Passes an event on; what the supervisor asks of libvirt for it goes out at once.
  void tell(const std::function<void(Moment now)>& event);

  // LinkSink
  void on_link_changed() override;
  void on_link_lost() override;
  void on_listed(const std::vector<DomainSnapshot>& domains) override;
  void on_domain_event(const DomainEvent& event) override;
  void on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain) override;
  void on_operation_done(OperationId id, const Result<void>& result) override;
  void on_job_progress(const std::string& uuid, const JobProgress& progress) override;

  /// Keeps what answers a request until its end.
  RequestId expect(Done done);
  /// The same for one that others end: it is answered when what has changed with it can be seen.
  Done when_published(Done done);

  // Api (daemon_api.cpp)
  Result<std::string> find_vm(const std::string& name_or_uuid) const override;
  std::vector<VmView> list_vms() const override;
  Result<void> check(const VmRequest& request) const override;
  void request(const VmRequest& request, Done done) override;
  void autostart(const Caller& caller, bool wait, Done done) override;
  std::vector<PlanStep> plan_start() const override;
  void stop_all(const Caller& caller, bool wait, std::optional<std::chrono::milliseconds> timeout, Done done) override;
  std::vector<PlanStep> plan_stop(std::optional<std::chrono::milliseconds> timeout) const override;
  void diagnose(std::function<void(std::vector<Finding>)> found, Done done) override;
  void set_linger(bool enable, bool interactive, Done done) override;
  std::vector<HistoryEntry> history(const std::string& uuid, std::uint32_t limit) const override;
  void reload(Done done) override;
  void restart_libvirt(const Caller& caller, Done done) override;

  Arguments arguments_;
  EventLoop loop_;
  bool manager_changed_ = true;
  std::optional<std::string> fatal_;
  std::vector<Answer> answers_;
  RequestId next_request_ = 1;
  std::map<RequestId, Done> requests_;  // outlives tree_, which answers what is open at the end
  std::vector<EventSource> signals_;
  Diagnosis diagnosis_;
  LoadedConfig config_;
  StateFiles state_files_;
  Supervisor supervisor_;
  std::unique_ptr<sdbus::IConnection> bus_;
  UserManager user_manager_;
  Notify notify_;
  PathWatcher path_watcher_;
  LoginManager login_manager_;
  SessionEnd session_end_;
  VmScopes vm_scopes_;
  struct Terminated {
    UniqueFd process;
    EventSource ended;
  };
  std::map<std::string, Terminated> terminated_;  // by uuid: QEMUs whose end is waited for
  PathWatcher::Handle autostart_links_;
  HostWatcher host_watcher_;
  TcpProber tcp_prober_;
  Notifications notifications_;
  LibvirtLink link_;
  Tree tree_;
  BusSource bus_source_;
  Timer tick_;
  Timer manager_deadline_;
  bool link_started_ = false;
  std::string missing_manager_;
  EventSource pass_end_;
};

}  // namespace virtsession
