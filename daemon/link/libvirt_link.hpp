// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/connection.hpp"
#include "core/pulse.hpp"
#include "libvirt/hypervisor.hpp"
#include "link/daemon_words.hpp"
#include "link/libvirt_unit.hpp"
#include "util/event_loop.hpp"
#include "util/last_words.hpp"
#include "util/log.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace virtsession {

/// Keeps a connection to libvirt: does what core's Connection decides, with the hypervisor and the daemon's unit. What
/// libvirt tells of domains goes past it, see DomainSink. Main loop's thread.
class LibvirtLink final : private ConnectionSink {
 public:
  using Done = std::function<void(const Result<void>&)>;
  using MakeHypervisor = std::function<std::unique_ptr<Hypervisor>(ConnectionSink& link)>;
  struct Handlers {
    std::function<void()> changed;        ///< what can be asked here may be another answer now
    std::function<void()> lost;           ///< a connection that was ready is not any more
    std::function<void()> replaces = {};  ///< the daemon hangs, and is about to be killed; may be empty
    std::function<void(const Error& why)> silent =
        {};  ///< the daemon does not answer, and nothing is lost yet; may be empty
  };

  /// \param make called once, for the hypervisor of this link
  /// \param unit of the daemon behind `uri`; null: that is somebody else's, and no unit is started. It outlives this.
  /// \param words what the daemon of a unit said last
  LibvirtLink(EventLoop& loop, const MakeHypervisor& make, LibvirtUnit* unit, std::string uri, Handlers handlers,
              DaemonWords::Read words = last_words);
  ~LibvirtLink() override;

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
  /// Whether a call waits for libvirt's answer: then the daemon's silence is noticed within seconds.
  void set_awaited(bool awaited);
  Hypervisor& hypervisor() { return *hypervisor_; }

  LibvirtState state() const;
  std::string reason() const;
  /// Whether the daemon has a unit of ours, if not always its own: see managed_now().
  bool managed() const { return unit_ != nullptr; }
  /// Whether the daemon that is used is that of the unit, and no stray one that could not be ended.
  bool managed_now() const { return unit_ && unit_->unmanaged().empty(); }
  const std::string& version() const { return info_.daemon_version; }

 private:
  void on_opened(const LibvirtInfo& info) override;
  void on_open_failed(const Error& error) override;
  void on_lost(LostReason reason) override;
  void on_list_done(const Result<void>& result) override;
  void on_answered() override;

  void apply(ConnectionStep step);
  Done unit_started();
  void beat();
  void arrange_pulse();
  void listen_to_daemon();
  /// \param loss what is said, before the reason, of a connection that was ready and is not afterwards
  void follow(const std::function<ConnectionStep()>& transition, const char* loss = "Libvirt lost: ");
  void answer(const Result<void>& result);

  std::string uri_;
  LibvirtUnit* unit_;
  Handlers handlers_;
  Connection connection_;
  Pulse pulse_;
  bool silent_ = false;  ///< and that was told
  Timer timer_;
  Timer pulse_timer_;
  DaemonWords words_;
  std::unique_ptr<Hypervisor> hypervisor_;
  LibvirtInfo info_;
  std::vector<Done> waiting_;
  log::Damped failures_;
};

}  // namespace virtsession
