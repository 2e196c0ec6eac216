// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/action_runner.hpp"
#include "app/config_store.hpp"
#include "app/open_requests.hpp"
#include "conditions/host_watcher.hpp"
#include "core/supervisor.hpp"
#include "dbus/tree.hpp"
#include "link/libvirt_link.hpp"
#include "link/libvirt_unit.hpp"
#include "processes/vm_scopes.hpp"
#include "readiness/tcp_prober.hpp"
#include "session/login_manager.hpp"
#include "session/notify.hpp"
#include "session/session_end.hpp"
#include "session/state_files.hpp"
#include "util/event_loop.hpp"

#include <functional>
#include <string>

namespace virtsession {

/// One pass of the loop. Events go into the supervisor, and what it decides is done at once; at the end of the pass
/// what follows from its state is arranged, what changed is published, and then requests are answered. Main loop's
/// thread; its parts outlive it.
class Pass {
 public:
  struct Parts {
    EventLoop& loop;
    Supervisor& supervisor;
    ActionRunner& actions;
    OpenRequests& requests;
    const ConfigStore& config;
    HostWatcher& host_watcher;
    TcpProber& tcp_prober;
    LoginManager& login_manager;
    VmScopes& vm_scopes;
    const SessionEnd& session_end;
    LibvirtLink& link;
    const LibvirtUnit& libvirt_unit;
    StateFiles& state_files;
    Notify& notify;
    Tree& tree;
  };

  explicit Pass(const Parts& parts);

  /// Passes an event on to the supervisor, with the time.
  void tell(const std::function<void(Moment now)>& event);
  /// What the Manager shows beside its VMs may be another thing now.
  void manager_changed() { manager_changed_ = true; }
  /// Shows what has changed, as at the end of a pass.
  void publish();
  /// The one line of systemctl status.
  std::string status_text() const;

 private:
  void end();
  void arrange();
  ManagerView manager_view() const;

  Parts parts_;
  Timer tick_;
  bool manager_changed_ = true;
  EventSource end_;
};

}  // namespace virtsession
