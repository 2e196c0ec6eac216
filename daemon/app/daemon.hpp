// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/action_runner.hpp"
#include "app/api_service.hpp"
#include "app/arguments.hpp"
#include "app/config_store.hpp"
#include "app/diagnosis.hpp"
#include "app/open_requests.hpp"
#include "app/pass.hpp"
#include "conditions/host_watcher.hpp"
#include "core/supervisor.hpp"
#include "dbus/tree.hpp"
#include "desktop/boxes.hpp"
#include "desktop/notifications.hpp"
#include "link/autostart_links.hpp"
#include "link/definitions_mount.hpp"
#include "link/libvirt_link.hpp"
#include "link/libvirt_unit.hpp"
#include "processes/memory_kills.hpp"
#include "processes/vm_scopes.hpp"
#include "readiness/tcp_prober.hpp"
#include "session/login_manager.hpp"
#include "session/notify.hpp"
#include "session/session_end.hpp"
#include "session/state_files.hpp"
#include "systemd/user_manager.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"
#include "util/path_watcher.hpp"
#include "util/thread_mail.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// The composition root: owns everything, in the order in which it may be used, and wires it. Decisions are the core's,
/// and what is done in a pass of the loop is Pass's.
class Daemon final : private DomainSink {
 public:
  /// \throws FatalError when something that it cannot be without is missing
  explicit Daemon(const Arguments& arguments);
  ~Daemon() override;

  /// Runs until SIGTERM or SIGINT. VMs run on, unless the session ends: then they are stopped before this returns.
  /// \return the exit code
  int run();

 private:
  KeptState load_state();
  void handle_signals();
  void wait_for_user_manager();
  void start_link();
  void warn_of_choice();
  void use_config();
  Result<void> reload_config();
  void on_home_mounted();
  void take_late_state();
  void fail(int exit_code, const std::string& text);
  void begin_session_end(SessionEnd::Time deadline);
  void tell_of_loss();
  void interrupt();
  void try_again(const std::string& uuid);
  void look_for_memory_kills();
  std::string details(const Notice& notice) const;
  void tell(const std::function<void(Moment now)>& event) { pass_.tell(event); }

  // What libvirt tells of domains goes to the supervisor as it is.
  void on_listed(const std::vector<DomainSnapshot>& domains) override;
  void on_domain_event(const DomainEvent& event) override;
  void on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain) override;
  void on_run_state(const std::string& uuid, const DomainRunState& state) override;
  void on_job_progress(const std::string& uuid, const JobProgress& progress) override;
  void on_addresses(const std::string& uuid, const FoundAddresses& found) override;
  void on_forwards(const std::string& uuid, const ForwardReport& report) override;
  void on_operation_done(OperationId id, const Result<void>& result) override;

  Arguments arguments_;
  EventLoop loop_;
  std::optional<std::string> fatal_;
  OpenRequests requests_;  // outlives tree_, which answers what is open at the end
  std::vector<EventSource> signals_;
  Diagnosis diagnosis_;
  ConfigStore config_;
  ThreadMail mail_;
  StateFiles state_files_;
  Supervisor supervisor_;
  std::unique_ptr<sdbus::IConnection> bus_;
  UserManager user_manager_;
  Notify notify_;
  PathWatcher path_watcher_;
  LoginManager login_manager_;
  SessionEnd session_end_;
  VmScopes vm_scopes_;
  MemoryKills memory_kills_;
  HostWatcher host_watcher_;
  TcpProber tcp_prober_;
  Notifications notifications_;
  Boxes boxes_;
  LibvirtUnit libvirt_unit_;
  LibvirtLink link_;
  std::optional<AutostartLinks> autostart_links_;
  std::optional<DefinitionsMount> definitions_mount_;
  PathWatcher::Handle sockets_watch_;
  ActionRunner actions_;
  ApiService api_;
  Tree tree_;
  BusSource bus_source_;
  Timer manager_deadline_;
  bool link_started_ = false;
  std::string missing_manager_;
  Pass pass_;
};

}  // namespace virtsession
