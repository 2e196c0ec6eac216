// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/session_end.hpp"

#include "core/stop_plan.hpp"
#include "util/log.hpp"
#include "util/now.hpp"

#include <algorithm>

namespace virtsession {
namespace {

constexpr const char* kOurUnit = "virtsessiond.service";
constexpr std::chrono::seconds kAnswerLimit{2};
constexpr std::chrono::seconds kKeepAliveInterval{1};
/// systemd waits so long for the next word: longer than what a busy host may delay it, and than our own end takes.
constexpr std::chrono::seconds kExtension{10};

}  // namespace

SessionEnd::SessionEnd(EventLoop& loop, UserManager& user_manager, LoginManager& login_manager, Notify& notify,
                       Handlers handlers)
    : user_manager_(user_manager),
      login_manager_(login_manager),
      notify_(notify),
      handlers_(std::move(handlers)),
      patience_(loop, [this] { decide(false); }),
      keep_alive_(loop, [this] { keep_alive(); }) {}

void SessionEnd::read_budget() {
  // Without an answer, what is known stays: at the end of the session the buses may be gone already.
  user_manager_.stop_timeout(kOurUnit, [this](const auto& timeout) {
    if (timeout) unit_timeout_ = *timeout;
    handlers_.budget_changed();
  });
  login_manager_.user_stop_timeout([this](const auto& timeout) {
    if (timeout) user_timeout_ = *timeout;
    handlers_.budget_changed();
  });
}

std::chrono::microseconds SessionEnd::budget() const { return stop_budget(unit_timeout_, user_timeout_); }

void SessionEnd::on_terminate() {
  if (state_ != State::none) return;
  state_ = State::asking;
  notify_.stopping();
  patience_.set(now().steady + kAnswerLimit);
  user_manager_.stop_timeout(kOurUnit, [this](const auto& timeout) {
    if (timeout) unit_timeout_ = *timeout;
    user_manager_.system_state([this](const Result<std::string>& state) {
      if (!state) log::warn("{}; VMs are left alone", state.error().message);
      decide(state && *state == "stopping");
    });
  });
}

void SessionEnd::decide(bool ends) {
  patience_.cancel();
  if (state_ != State::asking) return;  // the answer has come too late
  if (ends) return begin(now().steady + budget());
  state_ = State::leaving;
  handlers_.restart();
}

void SessionEnd::resume(Time deadline) { begin(deadline); }

void SessionEnd::begin(Time deadline) {
  state_ = State::ending;
  deadline_ = deadline;
  handlers_.end(deadline);
  keep_alive();
}

void SessionEnd::keep_alive() {
  const auto current = now().steady;
  notify_.status(handlers_.status());
  if (current < deadline_) notify_.extend_timeout(kExtension);
  keep_alive_.set(current + kKeepAliveInterval);
}

}  // namespace virtsession
