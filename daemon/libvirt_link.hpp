// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/connection.hpp"
#include "libvirt/hypervisor.hpp"
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
  /// Another daemon from now on; the connection moves over.
  void use_daemon(const std::string& daemon);
  /// Reads all VMs again, where something may have changed without an event.
  void relist();
  Hypervisor& hypervisor() { return *hypervisor_; }

  LibvirtState state() const { return connection_.state(); }
  const std::string& reason() const { return connection_.reason(); }
  bool managed() const { return units_ != nullptr; }
  const std::string& daemon() const { return daemon_; }
  const std::string& version() const { return info_.daemon_version; }

 private:
  void on_opened(Generation generation, const LibvirtInfo& info) override;
  void on_open_failed(Generation generation, const Error& error) override;
  void on_lost(Generation generation, LostReason reason) override;
  void on_listed(Generation generation, const Result<std::vector<DomainSnapshot>>& domains) override;
  void on_domain_event(Generation generation, const DomainEvent& event) override;
  void on_domain(Generation generation, const std::string& uuid, const std::optional<DomainSnapshot>& domain) override;
  void on_operation_done(Generation generation, OperationId id, const Result<void>& result) override;

  std::string unit() const { return "virtsession-" + daemon_ + ".service"; }
  void apply(ConnectionStep step);
  std::vector<DomainSnapshot> up_to_date(const std::vector<DomainSnapshot>& listed);
  void change_unit(bool restart);
  void start_unit(Done done);
  std::string socket_path() const;
  void follow(const std::function<ConnectionStep()>& transition);
  void answer(const Result<void>& result);
  bool current(Generation generation) const { return generation == generation_; }

  LinkSink& sink_;
  UserManager* units_;
  std::string daemon_;
  std::string uri_;
  Connection connection_;
  Timer timer_;
  std::unique_ptr<Hypervisor> hypervisor_;
  Generation generation_ = 0;
  std::uint64_t unit_job_ = 0;  // the newest; answers of older ones are stale
  LibvirtInfo info_;
  bool listing_ = false;
  std::map<std::string, std::optional<DomainSnapshot>> changed_while_listing_;  // nothing: gone
  std::vector<Done> waiting_;
  log::Damped failures_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace virtsession
