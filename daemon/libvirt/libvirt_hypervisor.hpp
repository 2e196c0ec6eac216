// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "libvirt/event_thread.hpp"
#include "libvirt/hypervisor.hpp"
#include "libvirt/mailbox.hpp"
#include "util/event_loop.hpp"

#include <memory>
#include <string>
#include <vector>

namespace virtsession {

class LibvirtSession;

/// The port on the real libvirt. Everything that blocks runs on worker threads, at most five for a connection, and
/// comes back through the main loop.
///
/// A daemon that hangs is found out by keep-alive after 25 to 30 s: on_lost(), and libvirt_unavailable for every
/// operation. The calls themselves return when the daemon goes on or ends; their workers are stale by then and end as
/// well. Opening has no such limit: whoever gives up waiting for its answer calls close() or open().
///
/// Without a connection, list() and run() are answered with libvirt_unavailable, and refresh() is not answered. A list
/// in progress is not answered after on_lost().
///
/// Must be made before anything else in the process calls libvirt (see EventThread). libvirt's client forks a daemon
/// when it finds no socket, unless LIBVIRT_AUTOSTART=0 is in the environment: that is the caller's choice.
class LibvirtHypervisor final : public Hypervisor {
 public:
  /// `loop` and `sinks` must outlive this object.
  /// \throws what EventThread::share() throws
  LibvirtHypervisor(EventLoop& loop, const Sinks& sinks);
  /// Nothing reaches the sinks any more. Drops what waits, and waits for the calls in progress, at most five seconds: a
  /// daemon that hangs, or a save that goes on without us, does not hold us up. The threads of such calls are left to
  /// end by themselves, or with the process; they touch nothing that is gone.
  ~LibvirtHypervisor() override;

  /// close(), then a new connection. One that hangs while it is opened does no harm to the next; when four of them
  /// still hang, the next fails at once.
  void open(const std::string& uri) override;
  void close() override;
  void list() override;
  void ping() override;
  void refresh(const std::string& uuid) override;
  void run(const Operation& operation) override;

 private:
  void forget_ended();

  const std::shared_ptr<EventThread> events_;  // ends last
  const std::shared_ptr<Mailbox> mailbox_;
  Generation generation_ = 0;
  std::shared_ptr<LibvirtSession> session_;               // null when closed
  std::vector<std::shared_ptr<LibvirtSession>> leaving_;  // closed ones that may still have calls in progress
};

}  // namespace virtsession
