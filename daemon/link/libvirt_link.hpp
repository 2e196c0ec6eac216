// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/connection.hpp"
#include "libvirt/hypervisor.hpp"
#include "link/libvirt_unit.hpp"
#include "systemd/user_manager.hpp"
#include "util/event_loop.hpp"
#include "util/log.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// Hears of the connection and of what comes through it; nothing stale. Main loop's thread.
class LinkSink {
 public:
  virtual ~LinkSink() = default;

  virtual void on_link_changed() = 0;
  virtual void on_link_lost() = 0;
  virtual void on_listed(const std::vector<DomainSnapshot>& domains) = 0;
  virtual void on_domain_event(const DomainEvent& event) = 0;
  virtual void on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain) = 0;
  virtual void on_job_progress(const std::string& /*uuid*/, const JobProgress& /*progress*/) {}
  virtual void on_operation_done(OperationId id, const Result<void>& result) = 0;
};

/// Keeps a connection to libvirt: does what core's Connection decides, with the hypervisor and the daemon's unit.
class LibvirtLink final : private HypervisorSink {
 public:
  using Done = std::function<void(const Result<void>&)>;

  /// \param units nothing: the daemon behind `uri` is somebody else's, and no unit is started
  /// \param daemon "libvirtd" or "virtqemud"
  LibvirtLink(EventLoop& loop, UserManager* units, std::string daemon, std::string uri, LinkSink& sink);
  ~LibvirtLink();

  void start();
  /// Restarts the daemon's unit. Answered when the connection is ready again, or with the reason when that fails.
  void restart(const std::string& caller, Done done);
  /// Kills the daemon, which hangs, and starts it again; VMs run on. \param why for a person
  void replace_hung(const std::string& why);
  /// The user manager is stopping: the daemon is still started, in the one way that is left, and tries are at most a
  /// second apart.
  void set_stopping(bool stopping);
  /// Another daemon from now on; the connection moves over.
  void use_daemon(const std::string& daemon);
  /// Reads all VMs again, where something may have changed without an event.
  void relist();
  Hypervisor& hypervisor() { return *hypervisor_; }

  LibvirtState state() const { return connection_.state(); }
  std::string reason() const;
  /// Whether the daemon has a unit of ours, if not always its own: see managed_now().
  bool managed() const { return unit_.has_value(); }
  /// Whether the daemon that is used is that of the unit, and no stray one that could not be ended.
  bool managed_now() const { return unit_ && unit_->unmanaged().empty(); }
  const std::string& daemon() const { return daemon_; }
  const std::string& version() const { return info_.daemon_version; }

 private:
  void on_opened(Generation generation, const LibvirtInfo& info) override;
  void on_open_failed(Generation generation, const Error& error) override;
  void on_lost(Generation generation, LostReason reason) override;
  void on_listed(Generation generation, const Result<std::vector<DomainSnapshot>>& domains) override;
  void on_domain_event(Generation generation, const DomainEvent& event) override;
  void on_domain(Generation generation, const std::string& uuid, const std::optional<DomainSnapshot>& domain) override;
  void on_job_progress(Generation generation, const std::string& uuid, const JobProgress& progress) override;
  void on_operation_done(Generation generation, OperationId id, const Result<void>& result) override;

  void apply(ConnectionStep step);
  std::vector<DomainSnapshot> up_to_date(const std::vector<DomainSnapshot>& listed);
  Done unit_started();
  void follow(const std::function<ConnectionStep()>& transition);
  void answer(const Result<void>& result);
  bool current(Generation generation) const { return generation == generation_; }

  LinkSink& sink_;
  std::string daemon_;
  std::string uri_;
  std::optional<LibvirtUnit> unit_;  // nothing: the daemon is somebody else's
  bool hung_ = false;                // what is restarted does not react to a friendly signal
  Connection connection_;
  Timer timer_;
  std::unique_ptr<Hypervisor> hypervisor_;
  Generation generation_ = 0;
  LibvirtInfo info_;
  bool listing_ = false;
  std::map<std::string, std::optional<DomainSnapshot>> changed_while_listing_;  // nothing: gone
  std::vector<Done> waiting_;
  log::Damped failures_;
};

}  // namespace virtsession
