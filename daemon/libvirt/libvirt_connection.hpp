// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/result.hpp"
#include "libvirt/hypervisor.hpp"
#include "libvirt/raii.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {

/// How much of a domain an event is about.
enum class Extent {
  run_state,  ///< it was paused or resumed
  all
};

/// Something happened to a domain, so it has to be read again.
struct DomainChange {
  std::string uuid;
  std::string name;
  int id = -1;                          ///< of its run
  std::optional<DomainEventKind> kind;  ///< what it was; nothing when what is read tells all
  Extent extent = Extent::all;          ///< what of the domain may be new
};

/// Receives what a connection reports by itself, on libvirt's event thread. Must not block, and must not throw.
class ConnectionListener {
 public:
  virtual ~ConnectionListener() = default;

  virtual void on_domain_changed(const DomainChange& change) noexcept = 0;
  /// May be called twice. Not always on the event thread: libvirt also calls from inside the call that found out.
  virtual void on_connection_lost(LostReason reason) noexcept = 0;
};

/// What it takes to talk to one libvirt daemon: a connection for calls, and one that only listens.
///
/// Keep-alive watches the one that listens. libvirt's client (9.0.0 at least) cannot end two calls in flight by
/// keep-alive: the second one, and the close callback, wait for the daemon for ever, and the late replies crash it. So
/// the connection for calls has none; its calls end with the daemon, and whoever waits for them is told by
/// on_connection_lost(). A driver inside this process (test:///) has nothing to lose, and state of its own for each
/// connection: one does both.
///
/// Everything blocks: worker threads only, and while an EventThread runs.
class LibvirtConnection {
 public:
  /// Opens, asks for keep-alive (given up after 25 to 30 s without an answer), and registers for the events of all
  /// domains, in that order. Never asks anybody for a password. While the other end accepts but does not answer, this
  /// waits without an end: libvirt has no limit for it. \param listener gets events from before this returns until the
  /// destructor does; nothing of it is kept alive \return the connection, or libvirt_unavailable in libvirt's words
  static Result<std::unique_ptr<LibvirtConnection>> open(const std::string& uri,
                                                         std::weak_ptr<ConnectionListener> listener);
  /// Ends the events and closes. Not from inside a callback, and not while calls() is used.
  ~LibvirtConnection();
  LibvirtConnection(const LibvirtConnection&) = delete;
  LibvirtConnection& operator=(const LibvirtConnection&) = delete;

  /// For calls, from several threads at once. A call may take as long as the daemon does.
  virConnectPtr calls() const { return calls_.get(); }
  LibvirtInfo info() const;

 private:
  explicit LibvirtConnection(std::weak_ptr<ConnectionListener> listener) : listener_(std::move(listener)) {}
  Result<void> open_both(const std::string& uri);
  Result<void> watch_close(virConnectPtr connection);

  // What the close callbacks are given. libvirt holds its lock while it calls, and forgets the callback under the same
  // lock, so this is never used after the destructor's virConnectUnregisterCloseCallback.
  const std::weak_ptr<ConnectionListener> listener_;
  ConnectPtr events_;
  std::vector<int> callbacks_;
  ConnectPtr calls_;
};

}  // namespace virtsession
