// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/libvirt_session.hpp"

#include "libvirt/addresses.hpp"
#include "libvirt/error.hpp"
#include "libvirt/operations.hpp"
#include "libvirt/raii.hpp"
#include "libvirt/snapshot.hpp"
#include "util/log.hpp"

#include <chrono>
#include <span>
#include <thread>
#include <utility>

namespace virtsession {
namespace {

/// How soon a domain is looked at again that libvirt's daemon may have found in the middle of a start.
constexpr auto kLookAgain = std::chrono::milliseconds(250);
constexpr const char* kWholeConnection = "";  // the key of tasks that are not of one domain

Error not_connected() { return {ErrorCode::libvirt_unavailable, "There is no connection to libvirt"}; }
/// Whether the operation only lets a domain stand still, or go on.
bool only_pauses(OperationKind kind) { return kind == OperationKind::pause || kind == OperationKind::resume; }

/// After a domain was not found. \return nothing when there is none; else why that is not known
Result<std::optional<DomainSnapshot>> nothing_or_error(virConnectPtr connection) {
  const LibvirtError error = take_last_error();
  if (is_no_domain(error)) return std::optional<DomainSnapshot>();
  return to_error(error, connection);
}

bool is_half_started(virDomainPtr domain) {
  int state = 0, reason = 0;
  const bool read = virDomainGetState(domain, &state, &reason, 0) == 0;
  virResetLastError();
  return read && state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_STARTING_UP;
}

Error connection_lost() { return {ErrorCode::libvirt_unavailable, "The connection to libvirt was lost"}; }

}  // namespace

LibvirtSession::LibvirtSession(Generation generation, std::shared_ptr<Mailbox> mailbox)
    : generation_(generation),
      mailbox_(std::move(mailbox)),
      workers_([mailbox = mailbox_](std::exception_ptr exception) { mailbox->post_exception(std::move(exception)); }) {}

// --- main loop's thread ---

void LibvirtSession::open(const std::string& uri) {
  workers_.submit(kWholeConnection, TaskPace::quick, [self = shared_from_this(), uri] { self->do_open(uri); });
}

void LibvirtSession::list() {
  if (!is_open()) return post([](const Sinks& sinks) { sinks.connection.on_list_done(not_connected()); });
  workers_.submit_unless_waiting(kWholeConnection, TaskPace::quick, [self = shared_from_this()] { self->do_list(); });
}

void LibvirtSession::ping() {
  if (is_open())
    workers_.submit_unless_waiting("ping", TaskPace::quick, [self = shared_from_this()] { self->do_ping(); });
}

void LibvirtSession::refresh(const std::string& uuid) { look_again(uuid, Extent::all); }

void LibvirtSession::look_again(const std::string& uuid, Extent extent) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::open) return;
    if (extent == Extent::all) to_read_whole_.insert(uuid);
  }
  workers_.submit_unless_waiting(uuid, TaskPace::quick, [self = shared_from_this(), uuid] { self->do_refresh(uuid); });
}

void LibvirtSession::run(const Operation& operation) {
  bool has_managed_save = false;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::open) return post_done(operation.id, not_connected());
    unanswered_.insert(operation.id);
    has_managed_save = managed_saves_.contains(operation.uuid);
  }
  workers_.submit(row_of(operation), pace_of(operation, has_managed_save),
                  [self = shared_from_this(), operation] { self->do_run(operation); });
}

void LibvirtSession::finish() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::ended;
  }
  workers_.finish([self = shared_from_this()] { self->connection_.reset(); });
}

bool LibvirtSession::is_open() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::open;
}

// --- libvirt's event thread ---

void LibvirtSession::on_domain_changed(const DomainChange& change) noexcept {
  try {
    {
      // Before a list is begun nobody knows of domains, and the list says more.
      const std::lock_guard lock(mutex_);
      if (state_ != State::open || !(listed_ || listing_)) return;
      if (change.kind && listed_) {
        const DomainEvent event{change.uuid, *change.kind, change.name, change.id};
        if (change.extent == Extent::run_state) told_.insert_or_assign(change.uuid, event);
        post([event](const Sinks& sinks) { sinks.domains.on_domain_event(event); });
      }
    }
    look_again(change.uuid, change.extent);
  } catch (...) {
    mailbox_->post_exception(std::current_exception());
  }
}

void LibvirtSession::on_connection_lost(LostReason reason) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    const State before = std::exchange(state_, State::ended);
    if (before == State::opening) post_open_failed(connection_lost());
    if (before != State::open) return;
    post([reason](const Sinks& sinks) { sinks.connection.on_lost(reason); });
    for (const OperationId id : std::exchange(unanswered_, {})) post_done(id, connection_lost());
  } catch (...) {
    mailbox_->post_exception(std::current_exception());
  }
}

// --- workers ---

void LibvirtSession::do_open(const std::string& uri) {
  auto opened = LibvirtConnection::open(uri, weak_from_this());
  LibvirtInfo info;
  if (opened) info = (*opened)->info();

  const std::lock_guard lock(mutex_);
  if (opened) connection_ = std::move(opened).value();
  if (state_ != State::opening) return;  // lost already, or not wanted any more
  state_ = connection_ ? State::open : State::ended;
  if (!connection_) return post_open_failed(opened.error());
  post([info](const Sinks& sinks) { sinks.connection.on_opened(info); });
}

void LibvirtSession::post_open_failed(const Error& error) {
  post([error](const Sinks& sinks) { sinks.connection.on_open_failed(error); });
}

void LibvirtSession::do_list() {
  {
    const std::lock_guard lock(mutex_);
    listing_ = true;
    read_while_listing_.clear();
  }
  auto domains = read_all();
  std::vector<std::string> unsure, half_started;
  {
    const std::lock_guard lock(mutex_);
    listing_ = false;
    if (state_ != State::open) return;
    if (!domains) return post([error = domains.error()](const Sinks& sinks) { sinks.connection.on_list_done(error); });
    for (const auto& [uuid, domain] : read_while_listing_) unsure.push_back(uuid);
    auto listed = std::move(domains).value();
    bring_up_to_date(listed);
    for (const auto& domain : listed)
      if (domain.pause_reason == PauseReason::other) half_started.push_back(domain.uuid);
    listed_ = true;
    post([listed = std::move(listed), told = told_](const Sinks& sinks) {
      sinks.domains.on_listed(listed);
      for (const auto& [uuid, event] : told) sinks.domains.on_domain_event(event);
    });
    post([](const Sinks& sinks) { sinks.connection.on_list_done({}); });
  }
  for (const std::string& uuid : unsure) refresh(uuid);
  for (const std::string& uuid : half_started) follow_half_start(uuid);
}

/// A daemon that was killed while it started QEMU has left one that the next daemon lists, and ends a moment later. Of
/// that end libvirt 9.0 tells nobody.
void LibvirtSession::follow_half_start(const std::string& uuid) {
  workers_.submit(uuid, TaskPace::slow, [self = shared_from_this(), uuid] {
    std::this_thread::sleep_for(kLookAgain);
    if (!self->is_open()) return;
    const DomainPtr domain(virDomainLookupByUUIDString(self->connection_->calls(), uuid.c_str()));
    const bool half_started = domain && is_half_started(domain.get());
    self->do_refresh(uuid);
    if (half_started) self->follow_half_start(uuid);
  });
}

/// The list is read domain by domain: one that was read by itself meanwhile may be in it as it was before that, and
/// takes the place of what is in it. Which of the two is the newer is settled by reading it once more. With the mutex.
void LibvirtSession::bring_up_to_date(std::vector<DomainSnapshot>& listed) {
  auto read = std::exchange(read_while_listing_, {});
  std::erase_if(listed, [&](const DomainSnapshot& domain) { return read.contains(domain.uuid); });
  for (auto& [uuid, domain] : read)
    if (domain) listed.push_back(std::move(*domain));
}

// The daemon keeps workers for this call, whatever else it does.
void LibvirtSession::do_ping() {
  unsigned long version = 0;
  const bool answered = virConnectGetLibVersion(connection_->calls(), &version) == 0;
  virResetLastError();
  if (answered) post([](const Sinks& sinks) { sinks.connection.on_answered(); });
}

Result<std::vector<DomainSnapshot>> LibvirtSession::read_all() {
  virDomainPtr* array = nullptr;
  const int count = virConnectListAllDomains(connection_->calls(), &array, 0);
  if (count < 0) return last_error(connection_->calls());
  const UniqueCPtr<virDomainPtr, std::free> array_owner(array);
  std::vector<DomainPtr> domains;
  domains.reserve(static_cast<std::size_t>(count));
  for (virDomainPtr domain : std::span(array, static_cast<std::size_t>(count))) domains.emplace_back(domain);

  std::vector<DomainSnapshot> snapshots;
  snapshots.reserve(domains.size());
  for (const DomainPtr& domain : domains) {
    auto read = read_whole(domain.get(), uuid_of(domain.get()));
    if (!read) return read.error();
    if (!*read) continue;
    snapshots.push_back(*std::move(read).value());
    note_managed_save(snapshots.back().uuid, snapshots.back().managed_save);
  }
  return snapshots;
}

void LibvirtSession::do_refresh(const std::string& uuid) {
  const DomainPtr domain(virDomainLookupByUUIDString(connection_->calls(), uuid.c_str()));
  if (domain && read_run_state_only(domain.get(), uuid, Stale::drop)) return;
  const auto read = domain ? read_whole(domain.get(), uuid) : nothing_or_error(connection_->calls());
  if (read) return post_domain(uuid, *read);
  // After the next connect, which on_lost() leads to, everything is read anew.
  if (read.error().code != ErrorCode::libvirt_unavailable)
    log::warn("Failed to read VM {}: {}", uuid, read.error().message);
}

void LibvirtSession::do_run(const Operation& operation) {
  const DomainPtr domain(virDomainLookupByUUIDString(connection_->calls(), operation.uuid.c_str()));
  if (!is_on_state(operation))
    return answer(operation.id, domain ? run_beside(domain.get(), operation) : last_error(connection_->calls()));
  if (!domain) {
    const LibvirtError error = take_last_error();
    if (is_no_domain(error)) post_domain(operation.uuid, std::nullopt);
    return answer(operation.id, to_error(error, connection_->calls()));
  }
  std::optional<ForwardReport> report;
  const auto result = run_operation(domain.get(), operation, report);
  if (!only_pauses(operation.kind()) || !result || !read_run_state_only(domain.get(), operation.uuid, Stale::post))
    if (const auto read = read_whole(domain.get(), operation.uuid)) post_domain(operation.uuid, *read);
  if (report)
    post([uuid = operation.uuid, report = *report](const Sinks& sinks) { sinks.domains.on_forwards(uuid, report); });
  answer(operation.id, result);
}

Result<std::optional<DomainSnapshot>> LibvirtSession::read_whole(virDomainPtr domain, const std::string& uuid) {
  {
    const std::lock_guard lock(mutex_);
    told_.erase(uuid);
  }
  return read_snapshot(domain);
}

/// \param stale what to do with what was read before an event told more: the domain is read again for that
/// \return false when there is more to be read of the domain than whether it runs
bool LibvirtSession::read_run_state_only(virDomainPtr domain, const std::string& uuid, Stale stale) {
  {
    const std::lock_guard lock(mutex_);
    told_.erase(uuid);
    if (to_read_whole_.erase(uuid) > 0 || !listed_) return false;
  }
  const auto state = read_run_state(domain);
  if (!state) return false;
  const std::lock_guard lock(mutex_);
  if (listing_) return false;  // which wants to know of all that is new
  if (stale == Stale::drop && told_.contains(uuid)) return true;
  if (state_ == State::open)
    post_with_newer(uuid, [uuid, state = *state](const Sinks& sinks) { sinks.domains.on_run_state(uuid, state); });
  return true;
}

/// A state that was read before an event must not undo it: the event is posted again behind it, in the same turn. With
/// the mutex.
void LibvirtSession::post_with_newer(const std::string& uuid, Mailbox::Message read) {
  const auto newer = told_.find(uuid);
  if (newer == told_.end()) return post(std::move(read));
  post([read = std::move(read), event = newer->second](const Sinks& sinks) {
    read(sinks);
    sinks.domains.on_domain_event(event);
  });
}

// The domain is not read: another worker may be reading it, and the sink would be told an older state last.
Result<void> LibvirtSession::run_beside(virDomainPtr domain, const Operation& operation) {
  if (const auto* question = std::get_if<call::ReadAddresses>(&operation.call)) {
    FoundAddresses found;
    const auto result = read_addresses(domain, *question, found);
    post([uuid = operation.uuid, found](const Sinks& sinks) { sinks.domains.on_addresses(uuid, found); });
    return result;
  }
  std::optional<ForwardReport> none;
  if (operation.kind() != OperationKind::job_progress) return run_operation(domain, operation, none);
  const auto progress = read_job_progress(domain);
  if (!progress) return progress.error();
  if (*progress)
    post([uuid = operation.uuid, progress = **progress](const Sinks& sinks) {
      sinks.domains.on_job_progress(uuid, progress);
    });
  return {};
}

void LibvirtSession::post_domain(const std::string& uuid, const std::optional<DomainSnapshot>& domain) {
  note_managed_save(uuid, domain && domain->managed_save);
  const std::lock_guard lock(mutex_);
  if (state_ != State::open) return;
  if (listing_) read_while_listing_.insert_or_assign(uuid, domain);
  if (listed_) post_with_newer(uuid, [uuid, domain](const Sinks& sinks) { sinks.domains.on_domain(uuid, domain); });
}

// The answer to an operation that has been answered for the connection's end is dropped.
void LibvirtSession::answer(OperationId id, const Result<void>& result) {
  const std::lock_guard lock(mutex_);
  if (unanswered_.erase(id) > 0) post_done(id, result);
}

void LibvirtSession::post_done(OperationId id, const Result<void>& result) {
  post([id, result](const Sinks& sinks) { sinks.domains.on_operation_done(id, result); });
}

void LibvirtSession::note_managed_save(const std::string& uuid, bool has_one) {
  const std::lock_guard lock(mutex_);
  if (has_one)
    managed_saves_.insert(uuid);
  else
    managed_saves_.erase(uuid);
}

}  // namespace virtsession
