// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "session/login_manager.hpp"
#include "session/notify.hpp"
#include "systemd/user_manager.hpp"
#include "util/event_loop.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace virtsession {

/// The end of the session as systemd has it: what a SIGTERM means, how long the stop may take, and word to systemd
/// while it does. Main loop's thread only; what it is given outlives it.
class SessionEnd {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Handlers {
    std::function<void()> budget_changed;
    std::function<void()> restart;  ///< the session goes on without this instance: VMs are left alone
    std::function<void(Time deadline)> end;
    std::function<std::string()> status;  ///< for systemctl status, while the end is under way
  };

  SessionEnd(EventLoop& loop, UserManager& user_manager, LoginManager& login_manager, Notify& notify,
             Handlers handlers);

  /// Reads what systemd gives; again after its configuration was reloaded.
  void read_budget();
  std::chrono::microseconds budget() const;
  /// SIGTERM: the manager is asked whether it stops, which tells the end of a session from a mere stop or restart of
  /// our unit. One that does not answer in a moment counts as one that goes on. The first call decides.
  void on_terminate();
  /// What a previous instance began goes on.
  void resume(Time deadline);

 private:
  enum class State {
    none,     ///< the session goes on, and so does this instance
    asking,   ///< what a SIGTERM means is being asked
    leaving,  ///< this instance ends, the session does not
    ending,
  };

  void decide(bool ends);
  void begin(Time deadline);
  void keep_alive();

  UserManager& user_manager_;
  LoginManager& login_manager_;
  Notify& notify_;
  Handlers handlers_;
  std::optional<std::chrono::microseconds> unit_timeout_ = std::chrono::seconds(90);  // systemd's default until known
  std::optional<std::chrono::microseconds> user_timeout_ = std::chrono::seconds(120);
  State state_ = State::none;
  Time deadline_{};  // while it is ending
  Timer patience_;
  Timer keep_alive_;
};

}  // namespace virtsession
