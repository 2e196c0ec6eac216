// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "core/domain.hpp"
#include "core/operation.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// Counts connections: what belongs to an earlier one is stale and is dropped by whoever receives it.
using Generation = std::uint64_t;

struct LibvirtInfo {
  std::string uri;                       ///< as libvirt names it (virConnectGetURI)
  std::string library_version;           ///< of the client library in this process, "9.0.0"
  std::string daemon_version;            ///< of the daemon at the other end, "9.0.0"
  bool supports_autostart_once = false;  ///< libvirt 11.2 and later
};

enum class LostReason { error, end_of_file, keep_alive, closed };

/// Receives what the hypervisor has to say, always on the main loop's thread and never from inside a call to it.
class HypervisorSink {
 public:
  virtual ~HypervisorSink() = default;

  virtual void on_opened(Generation generation, const LibvirtInfo& info) = 0;
  virtual void on_open_failed(Generation generation, const Error& error) = 0;
  /// The connection is gone. Operations in flight end with `libvirt_unavailable` before or after this.
  virtual void on_lost(Generation generation, LostReason reason) = 0;
  /// The answer to list(): every domain, running or not.
  virtual void on_listed(Generation generation, const Result<std::vector<DomainSnapshot>>& domains) = 0;
  virtual void on_domain_event(Generation generation, const DomainEvent& event) = 0;
  /// A domain was read again, after an event, refresh() or an operation. Nothing: libvirt has no such domain any more.
  virtual void on_domain(Generation generation, const std::string& uuid,
                         const std::optional<DomainSnapshot>& domain) = 0;
  /// How far the job of a domain is, before the end of the job_progress that asked for it.
  virtual void on_job_progress(Generation generation, const std::string& uuid, const JobProgress& progress) = 0;
  /// The domain's new state has been passed to on_domain() before, except for an operation on a job, which is none of
  /// the domain's.
  virtual void on_operation_done(Generation generation, OperationId id, const Result<void>& result) = 0;
};

/// The port to libvirt. No call blocks; every answer comes through the sink. Main loop's thread only.
class Hypervisor {
 public:
  virtual ~Hypervisor() = default;

  /// Opens a connection and registers for its events. Answered by on_opened() or on_open_failed().
  /// \return the generation of everything that comes of it
  virtual Generation open(const std::string& uri) = 0;
  /// Drops the connection; what is in flight ends as stale.
  virtual void close() = 0;
  virtual void list() = 0;
  /// Reads one domain again; asked for twice while the first waits, it is read once.
  virtual void refresh(const std::string& uuid) = 0;
  /// Calls on one domain run one after the other, in the order given. Those on its job (abort_job, job_progress) are a
  /// row of their own, beside a save in progress.
  virtual void run(const Operation& operation) = 0;
};

}  // namespace virtsession
