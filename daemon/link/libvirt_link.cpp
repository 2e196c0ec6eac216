// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/libvirt_link.hpp"

#include "libvirt/libvirt_hypervisor.hpp"
#include "util/message_ids.hpp"
#include "util/now.hpp"

#include <random>
#include <utility>

namespace virtsession {
namespace {

std::string lost_text(LostReason reason) {
  switch (reason) {
    case LostReason::error:
      return "the connection to libvirt broke";
    case LostReason::end_of_file:
      return "the libvirt daemon ended";
    case LostReason::keep_alive:
      return "the libvirt daemon hangs: it does not answer keep-alive";
    case LostReason::closed:
      break;
  }
  return "the connection to libvirt was closed";
}

/// With the fifth that waits vary by, less than a second.
constexpr std::chrono::milliseconds kLastRetryWhileStopping(800);

}  // namespace

LibvirtLink::LibvirtLink(EventLoop& loop, UserManager* units, std::string daemon, std::string uri, LinkSink& sink)
    : sink_(sink),
      daemon_(std::move(daemon)),
      uri_(std::move(uri)),
      connection_(units != nullptr, std::random_device{}()),
      timer_(loop, [this] { follow([&] { return connection_.tick(now()); }); }),
      hypervisor_(std::make_unique<LibvirtHypervisor>(loop, static_cast<HypervisorSink&>(*this))) {
  if (units) unit_.emplace(loop, *units, daemon_);
}

LibvirtLink::~LibvirtLink() = default;

void LibvirtLink::start() {
  follow([&] { return connection_.start(now()); });
}

void LibvirtLink::restart(const std::string& caller, Done done) {
  if (!managed())
    return done(Error{ErrorCode::not_supported, "the libvirt daemon at " + uri_ + " is not managed by virtsession"});
  if (!managed_now()) return done(Error{ErrorCode::not_supported, unit_->unmanaged()});
  waiting_.push_back(std::move(done));
  follow([&] { return connection_.restart("restarted for " + caller, now()); });
}

void LibvirtLink::replace_hung(const std::string& why) {
  hung_ = true;
  if (state() == LibvirtState::starting_unit)
    unit_->replace(unit_started());  // it may be what hangs; for the connection nothing changes
  else
    follow([&] { return connection_.restart(why, now()); });
  hung_ = false;
}

void LibvirtLink::set_stopping(bool stopping) {
  connection_.limit_retries(stopping ? kLastRetryWhileStopping : Connection::kLastRetry);
  if (!unit_) return;
  unit_->set_stopping(stopping);
  const bool waits = state() == LibvirtState::down && connection_.wake();
  if (stopping && waits) follow([&] { return connection_.start(now()); });
}

std::string LibvirtLink::reason() const {
  return state() == LibvirtState::ready && managed() && !managed_now() ? unit_->unmanaged() : connection_.reason();
}

void LibvirtLink::use_daemon(const std::string& daemon) {
  if (daemon == daemon_ || !managed()) return;
  daemon_ = daemon;
  unit_->use_daemon(daemon);
  follow([&] { return connection_.start(now()); });
}

void LibvirtLink::apply(ConnectionStep step) {
  switch (step) {
    case ConnectionStep::start_unit:
      unit_->start(unit_started());
      break;
    case ConnectionStep::restart_unit:
      if (hung_)
        unit_->replace(unit_started());
      else
        unit_->restart(unit_started());
      break;
    case ConnectionStep::open:
      generation_ = hypervisor_->open(uri_);
      break;
    case ConnectionStep::list:
      listing_ = true;
      hypervisor_->list();
      break;
    case ConnectionStep::nothing:
      break;
  }
  if (const auto wake = connection_.wake())
    timer_.set(*wake);
  else
    timer_.cancel();
}

LibvirtLink::Done LibvirtLink::unit_started() {
  return [this](const Result<void>& result) { follow([&] { return connection_.unit_started(result, now()); }); };
}

/// One transition: what the old connection leaves is cleared away before the step that may open the next.
void LibvirtLink::follow(const std::function<ConnectionStep()>& transition) {
  const auto before = state();
  const auto step = transition();
  const auto usable = [](LibvirtState state) { return state == LibvirtState::ready || state == LibvirtState::syncing; };
  if ((usable(before) || before == LibvirtState::connecting) && !usable(state())) {
    hypervisor_->close();
    generation_ = 0;
    listing_ = false;
    changed_while_listing_.clear();
  }
  if (before == LibvirtState::ready && !usable(state())) {
    log::write(log::Level::warning, {{"MESSAGE_ID", message_id::kLibvirtLost}}, "Libvirt lost: " + reason());
    sink_.on_link_lost();
  }
  apply(step);
  if (state() == LibvirtState::ready && before != LibvirtState::ready) {
    failures_.reset();
    log::write(log::Level::info, {{"MESSAGE_ID", message_id::kLibvirtBack}},
               "Connected to libvirt " + info_.daemon_version + " (" + info_.uri + ")");
    answer({});
  }
  if (state() == LibvirtState::down) {
    failures_.write(log::Level::warning, {}, "No connection to libvirt: " + reason(), now().steady);
    answer(Error{ErrorCode::operation_failed, reason()});
  }
  sink_.on_link_changed();
}

void LibvirtLink::answer(const Result<void>& result) {
  for (auto& done : std::exchange(waiting_, {})) done(result);
}

void LibvirtLink::on_opened(Generation generation, const LibvirtInfo& info) {
  if (!current(generation)) return;
  info_ = info;
  follow([&] { return connection_.opened(now()); });
}

void LibvirtLink::on_open_failed(Generation generation, const Error& error) {
  if (!current(generation)) return;
  follow([&] { return connection_.open_failed(error, now()); });
}

void LibvirtLink::on_lost(Generation generation, LostReason reason) {
  if (!current(generation)) return;
  follow([&] { return connection_.lost(reason == LostReason::keep_alive, lost_text(reason), now()); });
}

void LibvirtLink::relist() {
  if (state() != LibvirtState::ready) return;
  listing_ = true;
  hypervisor_->list();
}

/// The list is read VM by VM: one that changed meanwhile may be in it as it was before, and is passed on as it is now.
std::vector<DomainSnapshot> LibvirtLink::up_to_date(const std::vector<DomainSnapshot>& listed) {
  auto newer = std::exchange(changed_while_listing_, {});
  std::vector<DomainSnapshot> domains;
  for (const auto& domain : listed)
    if (!newer.contains(domain.uuid)) domains.push_back(domain);
  for (auto& [uuid, domain] : newer)
    if (domain) domains.push_back(std::move(*domain));
  return domains;
}

void LibvirtLink::on_listed(Generation generation, const Result<std::vector<DomainSnapshot>>& domains) {
  if (!current(generation)) return;
  listing_ = false;
  if (domains) sink_.on_listed(up_to_date(*domains));
  follow([&] { return connection_.listed(domains ? Result<void>() : Result<void>(domains.error()), now()); });
}

void LibvirtLink::on_domain_event(Generation generation, const DomainEvent& event) {
  if (current(generation) && state() == LibvirtState::ready) sink_.on_domain_event(event);
}

void LibvirtLink::on_domain(Generation generation, const std::string& uuid,
                            const std::optional<DomainSnapshot>& domain) {
  if (!current(generation)) return;
  if (listing_) changed_while_listing_.insert_or_assign(uuid, domain);
  if (state() == LibvirtState::ready) sink_.on_domain(uuid, domain);
}

void LibvirtLink::on_job_progress(Generation generation, const std::string& uuid, const JobProgress& progress) {
  if (current(generation)) sink_.on_job_progress(uuid, progress);
}

void LibvirtLink::on_operation_done(Generation generation, OperationId id, const Result<void>& result) {
  if (current(generation)) sink_.on_operation_done(id, result);
}

}  // namespace virtsession
