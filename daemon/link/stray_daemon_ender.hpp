// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "link/stray_daemon.hpp"
#include "util/event_loop.hpp"
#include "util/lifetime.hpp"
#include "util/unique_fd.hpp"

#include <functional>

namespace virtsession {

/// Ends a stray daemon: SIGTERM, and SIGKILL when it still runs 5 s later, as libvirt 11 does with VMs. VMs survive
/// both. Main loop's thread; destroying it drops the answer.
class StrayDaemonEnder {
 public:
  using Done = std::function<void(const Result<void>&)>;

  explicit StrayDaemonEnder(EventLoop& loop);
  StrayDaemonEnder(const StrayDaemonEnder&) = delete;
  StrayDaemonEnder& operator=(const StrayDaemonEnder&) = delete;

  /// \param done never from inside this call, once the process has ended, or with the reason why it cannot be ended
  /// (operation_failed). It is dropped by the next call, which takes this one's place.
  void end(const StrayDaemon& daemon, Done done);

 private:
  void send(int signal_number);
  void on_patience_over();
  void finish(Result<void> result);

  EventLoop& loop_;
  Timer patience_;
  UniqueFd process_;
  EventSource ended_;
  Done done_;
  bool killed_ = false;
  Lifetime call_;  ///< of the current call
};

}  // namespace virtsession
