// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/addresses.hpp"
#include "core/domain.hpp"
#include "core/operation.hpp"
#include "core/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace virtsession {

struct LibvirtInfo {
  std::string uri;             ///< as libvirt names it (virConnectGetURI)
  std::string daemon_version;  ///< of the daemon at the other end, "9.0.0"
};

enum class LostReason { error, end_of_file, keep_alive, closed };

/// What becomes of a connection. This and DomainSink are called on the main loop's thread, never from inside a call to
/// the hypervisor, and never for a connection before the last open() or close().
class ConnectionSink {
 public:
  virtual ~ConnectionSink() = default;

  virtual void on_opened(const LibvirtInfo& info) = 0;
  virtual void on_open_failed(const Error& error) = 0;
  /// The connection is gone. Operations in flight end with `libvirt_unavailable` before or after this.
  virtual void on_lost(LostReason reason) = 0;
  /// The answer to list(), after the domains themselves were given to the DomainSink.
  virtual void on_list_done(const Result<void>& result) = 0;
  /// The answer to ping().
  virtual void on_answered() = 0;
};

/// What libvirt tells of domains. The first word of a connection is on_listed(): until then there is nothing else, and
/// from then on nothing is told that is older than what was told before.
class DomainSink {
 public:
  virtual ~DomainSink() = default;

  /// Every domain, running or not.
  virtual void on_listed(const std::vector<DomainSnapshot>& domains) = 0;
  virtual void on_domain_event(const DomainEvent& event) = 0;
  /// A domain was read again, after an event, refresh() or an operation. Nothing: libvirt has no such domain any more.
  virtual void on_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain) = 0;
  /// The same of what only stands still or goes on, and runs as before.
  virtual void on_run_state(const std::string& uuid, const DomainRunState& state) = 0;
  /// How far the job of a domain is, before the end of the job_progress that asked for it.
  virtual void on_job_progress(const std::string& uuid, const JobProgress& progress) = 0;
  /// What a read_addresses has found, before its end.
  virtual void on_addresses(const std::string& uuid, const FoundAddresses& found) = 0;
  /// What came of making forwards, before the end of the sync_forwards or start that it is about.
  virtual void on_forwards(const std::string& uuid, const ForwardReport& report) = 0;
  /// The domain's new state has been passed on before, except for an operation on a job or on
  /// addresses, which is none on the domain's state.
  virtual void on_operation_done(OperationId id, const Result<void>& result) = 0;
};

/// The port to libvirt. No call blocks; every answer comes through a sink. Main loop's thread only.
class Hypervisor {
 public:
  virtual ~Hypervisor() = default;

  /// Drops the connection that there is, opens another and registers for its events. Answered by on_opened() or
  /// on_open_failed().
  virtual void open(const std::string& uri) = 0;
  /// Drops the connection; nothing more is told of it.
  virtual void close() = 0;
  virtual void list() = 0;
  /// Asks the daemon for nothing but an answer. While it does not answer, or is gone, there is none.
  virtual void ping() = 0;
  /// Reads one domain again; asked for twice while the first waits, it is read once.
  virtual void refresh(const std::string& uuid) = 0;
  /// Calls on one domain run one after the other, in the order given. Those on its job (abort_job, job_progress) are a
  /// row of their own, beside a save in progress, and those on its addresses another one: a guest's agent may hang.
  virtual void run(const Operation& operation) = 0;
};

}  // namespace virtsession
