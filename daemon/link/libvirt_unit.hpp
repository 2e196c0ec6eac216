// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "link/daemon_choice.hpp"
#include "link/stale_socket.hpp"
#include "link/stray_daemon.hpp"
#include "link/stray_daemon_ender.hpp"
#include "link/stray_logd.hpp"
#include "systemd/user_manager.hpp"
#include "util/event_loop.hpp"
#include "util/lifetime.hpp"
#include "util/log.hpp"

#include <functional>
#include <optional>
#include <string>

namespace virtsession {

/// The unit of libvirt's daemon, and what may be in its way: a daemon that a client forked, the file of its socket, and
/// the end of the session. Main loop's thread; `loop` and `units` outlive it.
class LibvirtUnit {
 public:
  /// Never called from inside a call, and not after the next one, which takes its place.
  using Done = std::function<void(const Result<void>&)>;

  using FindStray = std::function<std::optional<StrayDaemon>(const std::string& runtime_dir, const std::string& unit)>;

  /// \param daemon "libvirtd" or "virtqemud" \param runtime_dir $XDG_RUNTIME_DIR, where sockets and PID files lie
  LibvirtUnit(EventLoop& loop, UserManager& units, std::string daemon, std::string runtime_dir,
              FindStray find_stray = find_stray_daemon);

  const std::string& daemon() const { return daemon_; }
  void use_daemon(const std::string& daemon) { daemon_ = daemon; }
  /// While the user manager is stopping, units start without what they depend on, which stops.
  void set_stopping(bool stopping) { stopping_ = stopping; }

  /// Each ends a stray daemon first, and is answered when there is a daemon to connect to: the unit's, or a stray one
  /// that cannot be ended or has folders of its own, see unmanaged().
  void start(Done done) { bring_up(Verb::start, std::move(done)); }
  void restart(Done done) { bring_up(Verb::restart, std::move(done)); }
  /// As restart(), for one that hangs: with SIGKILL. Its VMs do not notice.
  void replace(Done done) { bring_up(Verb::replace, std::move(done)); }

  /// Which daemon is used instead of the unit's and why, for a person; empty while it is the unit's.
  const std::string& unmanaged() const { return unmanaged_; }
  std::string unit() const { return "virtsession-" + daemon_ + ".service"; }
  /// Where the daemon that is used is reached: the managed one at its own socket, whatever the client library would
  /// choose by the files that lie about.
  std::string uri() const;

  /// Looks for the socket of a daemon that is gone, which would keep clients from this one.
  void look_at_sockets() { stale_socket_.look(daemon_socket(runtime_dir_, other_daemon(daemon_))); }

 private:
  enum class Verb { start, restart, replace };

  void bring_up(Verb verb, Done done);
  void run(Verb verb, Done done);
  void start_unit(Done done);
  void start_while_stopping(Done done);
  void listen_anew(Done done);
  void replace_unit(Done done);
  void take_over(const StrayDaemon& stray, Done done);
  void change_over(const StrayDaemon& other, Verb verb, Done done);
  void supervise(const StrayDaemon& stray, const std::string& obstacle, Done done);
  std::string socket_unit() const { return "virtsession-" + daemon_ + ".socket"; }

  UserManager& units_;
  std::string daemon_;
  std::string runtime_dir_;
  FindStray find_stray_;
  StrayDaemonEnder ender_;
  StrayLogd stray_logd_;
  StaleSocket stale_socket_;
  bool stopping_ = false;
  std::string unmanaged_;
  log::Damped take_overs_;
  Lifetime call_;  ///< of the current call
};

}  // namespace virtsession
