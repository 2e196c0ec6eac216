// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/operation.hpp"
#include "core/result.hpp"
#include "libvirt/hypervisor.hpp"
#include "libvirt/libvirt_connection.hpp"
#include "libvirt/mailbox.hpp"
#include "libvirt/worker_pool.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// One connection's life: its workers, what they do, and what is told to the sinks about it. Each connection has
/// workers of its own, so that one whose daemon hangs holds up nothing but itself. Once the connection is lost, all
/// operations are answered, also those whose call has not returned, and nothing else is told. Tasks own the session
/// they belong to, which so outlives them; always owned by a shared_ptr.
class LibvirtSession final : public ConnectionListener, public std::enable_shared_from_this<LibvirtSession> {
 public:
  LibvirtSession(Generation generation, std::shared_ptr<Mailbox> mailbox);

  /// The calls of the port (Hypervisor), from the main loop's thread. open() comes first, and once.
  void open(const std::string& uri);
  void list();
  void ping();
  void refresh(const std::string& uuid);
  void run(const Operation& operation);

  /// Drops what waits, and closes the connection when the calls in progress have ended. Returns at once.
  void finish();
  bool ended() const { return workers_.ended(); }
  /// \return false when `deadline` came before the end
  bool wait_ended(std::chrono::steady_clock::time_point deadline) const { return workers_.wait_ended(deadline); }

  void on_domain_changed(const DomainChange& change) noexcept override;
  void on_connection_lost(LostReason reason) noexcept override;

 private:
  enum class State { opening, open, ended };

  bool is_open() const;
  void post_open_failed(const Error& error);
  void do_open(const std::string& uri);
  void do_list();
  void do_ping();
  void look_again(const std::string& uuid, Extent extent);
  void do_refresh(const std::string& uuid);
  void follow_half_start(const std::string& uuid);
  enum class Stale { post, drop };
  Result<std::optional<DomainSnapshot>> read_whole(virDomainPtr domain, const std::string& uuid);
  bool read_run_state_only(virDomainPtr domain, const std::string& uuid, Stale stale);
  void post_with_newer(const std::string& uuid, Mailbox::Message read);
  void do_run(const Operation& operation);
  Result<void> run_beside(virDomainPtr domain, const Operation& operation);
  Result<std::vector<DomainSnapshot>> read_all();

  void post(Mailbox::Message message) { mailbox_->post(generation_, std::move(message)); }
  void bring_up_to_date(std::vector<DomainSnapshot>& listed);
  void post_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain);
  void answer(OperationId id, const Result<void>& result);
  void post_done(OperationId id, const Result<void>& result);
  void note_managed_save(const std::string& uuid, bool has_one);

  const Generation generation_;
  const std::shared_ptr<Mailbox> mailbox_;
  // Set by the first task, dropped by the last; all others run in between.
  std::unique_ptr<LibvirtConnection> connection_;

  mutable std::mutex mutex_;  // guards what follows; never held during a call to libvirt
  State state_ = State::opening;
  std::set<OperationId> unanswered_;
  std::set<std::string> managed_saves_;  // domains that have one, as far as is known
  std::set<std::string> to_read_whole_;  // by what is waiting for them
  bool listed_ = false;                  // the sink has had a list; until then it hears of no domain
  bool listing_ = false;
  std::map<std::string, std::optional<DomainSnapshot>> read_while_listing_;  // nothing: gone
  std::map<std::string, DomainEvent> told_;  // whether they run, since the last reading of them began

  WorkerPool workers_;
};

}  // namespace virtsession
