// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "match.hpp"
#include "systemd/async_call.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace virtsession::search {

/// Lets the window come to the front: KRunner's activation token, or GNOME Shell's time of the key press.
using Activation = std::variant<std::uint32_t, std::string>;

/// What the search asks of others on the session bus: virtsessiond, the window, the notification server. No call
/// waits; answers come from the loop that drives the connection. Loop's thread only; loop and connection outlive it.
class DesktopBus {
 public:
  DesktopBus(EventLoop& loop, sdbus::IConnection& connection);
  ~DesktopBus();
  DesktopBus(const DesktopBus&) = delete;
  DesktopBus& operator=(const DesktopBus&) = delete;

  /// All VMs. Empty when virtsessiond does not run, which a search never starts: it would start the marked VMs.
  void machines(std::function<void(std::vector<Machine>)> done);

  /// Does it, and tells the desktop when it fails. A VM that is gone is not an error: so is what was found.
  void run(const MatchId& id, const Activation& activation);
  /// Opens the window with these terms in its search entry.
  void open_search(const std::string& terms, const Activation& activation);

  /// \return whether an answer is waited for
  bool is_busy() const { return waiting_ > 0; }

 private:
  void run(const Machine& machine, Action action, const Activation& activation);
  void activate_window(const std::string& action, const std::string& parameter, const Activation& activation,
                       std::function<void(const sdbus::Error&)> failed);
  void notify(const std::string& title, const std::string& text);

  sdbus::IConnection& connection_;
  AsyncCaller caller_;
  std::unique_ptr<sdbus::IProxy> bus_;
  std::unique_ptr<sdbus::IProxy> supervisor_;
  std::unique_ptr<sdbus::IProxy> window_;
  std::unique_ptr<sdbus::IProxy> notifications_;
  std::map<std::string, std::unique_ptr<sdbus::IProxy>> vms_;  // by uuid, of those that something was asked of
  int waiting_ = 0;
};

}  // namespace virtsession::search
