// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/libvirt_link.hpp"

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

LibvirtLink::LibvirtLink(EventLoop& loop, const MakeHypervisor& make, LibvirtUnit* unit, std::string uri,
                         Handlers handlers, DaemonWords::Read words)
    : uri_(std::move(uri)),
      unit_(unit),
      handlers_(std::move(handlers)),
      connection_(unit != nullptr, std::random_device{}()),
      timer_(loop, [this] { follow([&] { return connection_.tick(now()); }); }),
      pulse_timer_(loop, [this] { beat(); }),
      words_(loop, std::move(words), [this] { handlers_.changed(); }),
      hypervisor_(make(*this)) {}

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
  follow([&] { return connection_.replace(why, now()); });
}

void LibvirtLink::set_stopping(bool stopping) {
  connection_.limit_retries(stopping ? kLastRetryWhileStopping : Connection::kLastRetry);
  if (!unit_) return;
  unit_->set_stopping(stopping);
  const bool waits = connection_.state() == LibvirtState::down && connection_.wake();
  if (stopping && waits) follow([&] { return connection_.start(now()); });
}

LibvirtState LibvirtLink::state() const {
  return pulse_.silence(now().steady) ? LibvirtState::not_answering : connection_.state();
}

std::string LibvirtLink::reason() const {
  if (const auto silence = pulse_.silence(now().steady))
    return "libvirt has not answered for " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*silence).count()) + " s";
  if (connection_.failing() && !words_.text().empty())
    return connection_.reason() + "; its last words: " + words_.text();
  const bool ready = connection_.state() == LibvirtState::ready;
  return ready && managed() && !managed_now() ? unit_->unmanaged() : connection_.reason();
}

void LibvirtLink::use_daemon(const std::string& daemon) {
  if (!managed() || daemon == unit_->daemon()) return;
  const auto reason = "changing from " + unit_->daemon() + " to " + daemon + ", as the configuration says";
  unit_->use_daemon(daemon);
  follow([&] { return connection_.start(now(), reason); }, "Leaving libvirt: ");
}

void LibvirtLink::apply(ConnectionStep step) {
  switch (step) {
    case ConnectionStep::start_unit:
      unit_->start(unit_started());
      break;
    case ConnectionStep::restart_unit:
      unit_->restart(unit_started());
      break;
    case ConnectionStep::replace_unit:
      if (handlers_.replaces) handlers_.replaces();
      unit_->replace(unit_started());
      break;
    case ConnectionStep::open:
      hypervisor_->open(unit_ ? unit_->uri() : uri_);
      break;
    case ConnectionStep::list:
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
void LibvirtLink::follow(const std::function<ConnectionStep()>& transition, const char* loss) {
  const auto before = connection_.state();
  const auto step = transition();
  listen_to_daemon();
  if (connection_.state() != before) {
    silent_ = false;
    pulse_.stop();
    if (connection_.state() == LibvirtState::ready) pulse_.start(now().steady);
    arrange_pulse();
  }
  const auto usable = [](LibvirtState state) { return state == LibvirtState::ready || state == LibvirtState::syncing; };
  if ((usable(before) || before == LibvirtState::connecting) && !usable(connection_.state())) hypervisor_->close();
  if (before == LibvirtState::ready && !usable(connection_.state())) {
    log::write(log::Level::warning, {{"MESSAGE_ID", message_id::kLibvirtLost}}, loss + reason());
    handlers_.lost();
  }
  apply(step);
  if (connection_.state() == LibvirtState::ready && before != LibvirtState::ready) {
    failures_.reset();
    log::write(log::Level::info, {{"MESSAGE_ID", message_id::kLibvirtBack}},
               "Connected to libvirt " + info_.daemon_version + " (" + info_.uri + ")");
    answer({});
  }
  if (connection_.state() == LibvirtState::down) {
    failures_.write(log::Level::warning, {}, "No connection to libvirt: " + reason(), now().steady);
    answer(Error{ErrorCode::operation_failed, reason()});
  }
  handlers_.changed();
}

void LibvirtLink::listen_to_daemon() {
  if (connection_.state() == LibvirtState::ready)
    words_.forget();
  else if (unit_ && connection_.failing())
    words_.want(unit_->unit());
}

void LibvirtLink::answer(const Result<void>& result) {
  for (auto& done : std::exchange(waiting_, {})) done(result);
}

void LibvirtLink::on_opened(const LibvirtInfo& info) {
  info_ = info;
  follow([&] { return connection_.opened(now()); });
}

void LibvirtLink::on_open_failed(const Error& error) {
  follow([&] { return connection_.open_failed(error, now()); });
}

void LibvirtLink::on_lost(LostReason reason) {
  follow([&] { return connection_.lost(reason == LostReason::keep_alive, lost_text(reason), now()); });
}

void LibvirtLink::on_list_done(const Result<void>& result) {
  follow([&] { return connection_.listed(result, now()); });
}

void LibvirtLink::on_answered() {
  pulse_.answered(now().steady);
  arrange_pulse();
  if (!std::exchange(silent_, false)) return;
  log::info("The libvirt daemon answers again");
  handlers_.changed();
}

/// A silence may end by itself, of a machine that was busy: nothing is given up for it. Keep-alive ends the connection
/// when it does not.
void LibvirtLink::beat() {
  if (pulse_.tick(now().steady)) hypervisor_->ping();
  if (pulse_.silence(now().steady)) {
    if (!std::exchange(silent_, true)) {
      log::warn("The libvirt daemon does not answer; requests are refused until it does");
      if (handlers_.silent) handlers_.silent({ErrorCode::libvirt_unavailable, reason()});
    }
    handlers_.changed();
  }
  arrange_pulse();
}

void LibvirtLink::arrange_pulse() {
  if (const auto wake = pulse_.wake())
    pulse_timer_.set(*wake);
  else
    pulse_timer_.cancel();
}

void LibvirtLink::set_awaited(bool awaited) {
  pulse_.set_awaited(awaited, now().steady);
  arrange_pulse();
}

void LibvirtLink::relist() {
  if (connection_.state() == LibvirtState::ready) hypervisor_->list();
}

}  // namespace virtsession
