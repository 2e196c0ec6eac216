// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/supervisor.hpp"
#include "readiness/name_resolver.hpp"
#include "util/event_loop.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace virtsession {

/// Tries to connect to services of VMs until they answer. A service answers when it sends something. One that is silent
/// counts when the connection stays open for 0.5 s, and, at an address of this host, when it then closes within 0.5 s
/// of the end of our data, twice in a row: there a port forwarder (passt, slirp) accepts in the name of a guest that
/// does not listen yet, or that has no network yet. The one thing that this misses is a service behind a forwarder that
/// neither speaks first nor minds a client that leaves.
/// A try that fails, or that takes 2 s to connect, is followed by the next address of the host, and after the last one
/// by a new round, 0.25 s later at first and up to 2 s. For how long to try is the owner's to decide.
/// Nothing blocks. Loop's thread only; the loop outlives it.
class TcpProber {
 public:
  using Ready = std::function<void(const std::string& uuid)>;

  /// \param ready called on the loop, never from inside want(), once for each probe that is wanted; it may call want()
  /// and destroy the prober
  /// \param lookup for names, called in another thread
  TcpProber(EventLoop& loop, Ready ready, NameResolver::Lookup lookup = look_up_addresses);
  ~TcpProber();
  TcpProber(const TcpProber&) = delete;
  TcpProber& operator=(const TcpProber&) = delete;

  /// What has to be tried from now on, by uuid. A probe that is the same as before goes on, or stays answered; one that
  /// is left out is dropped, and begins anew when it is wanted again.
  void want(const std::map<std::string, TcpProbe>& wanted);

 private:
  class Probe;

  EventLoop& loop_;
  Ready ready_;
  NameResolver resolver_;
  std::map<std::string, std::shared_ptr<Probe>> probes_;
};

}  // namespace virtsession
