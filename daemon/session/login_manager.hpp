// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "systemd/system_bus.hpp"
#include "util/event_loop.hpp"
#include "util/lifetime.hpp"
#include "util/log.hpp"
#include "util/path_watcher.hpp"
#include "util/unique_fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace virtsession {

/// systemd-logind over its D-Bus API, org.freedesktop.login1(5), on a connection of its own to the system bus: the
/// host's sleep and what delays it, how long the end of the session may take, and whether the user lingers. Answers and
/// handlers come on the loop, in a later pass and never from inside a call. Main loop's thread only; loop and path
/// watcher outlive it. Destroying it releases the lock and drops what is pending. Without the bus or logind, calls end
/// with `not_supported`; one that comes later is used all the same.
class LoginManager {
 public:
  using Done = std::function<void(const Result<void>&)>;
  using StopTimeout = std::function<void(const Result<std::optional<std::chrono::microseconds>>&)>;

  /// \param linger_folder has a file for each user who lingers; logind has neither a signal nor a property for others
  LoginManager(EventLoop& loop, PathWatcher& paths, uid_t uid,
               const std::filesystem::path& linger_folder = "/var/lib/systemd/linger");
  ~LoginManager();
  LoginManager(const LoginManager&) = delete;
  LoginManager& operator=(const LoginManager&) = delete;

  /// Once in the object's life; waits for the handshake with the broker of the system bus, see SystemBus.
  void connect();

  /// Calls `handler` with true when the host is about to sleep and with false when it is awake again: also when that
  /// was missed while the bus or logind was away.
  void on_prepare_for_sleep(std::function<void(bool about_to_sleep)> handler);
  /// Holds or releases a delay lock for sleep (systemd-inhibit(1)): while it is held, the host waits
  /// inhibit_delay_max() after on_prepare_for_sleep() told of it. A refusal is logged, and tried again when the host
  /// has woken up and when logind restarts.
  void want_sleep_lock(bool wanted);
  /// InhibitDelayMaxSec= of logind.conf(5); 5 s, its default, until it is known.
  std::chrono::microseconds inhibit_delay_max() const { return inhibit_delay_max_; }

  /// How long all that the user manager runs may take to stop: TimeoutStopUSec of user@UID.service; nothing for
  /// infinity.
  void user_stop_timeout(StopTimeout done);

  /// Whether the user manager runs without a login, whoever said so (loginctl(1)). Known before connect().
  bool linger() const { return linger_; }
  void on_linger_changed(std::function<void(bool linger)> handler);
  /// \param interactive whether polkit may ask the user for a password; the answer may then take minutes
  /// \param done with `access_denied` when polkit refuses; linger() is the new one then
  void set_linger(bool enable, bool interactive, Done done);

 private:
  struct Bus;

  void opened(sdbus::IConnection& connection);
  void lost(const std::string& reason);
  void appeared();
  void set_sleeping(bool sleeping);
  void request_lock();
  void check_linger();
  template <class T>
  void answer(std::function<void(const Result<T>&)> done, Result<T> result);

  EventLoop& loop_;
  const uid_t uid_;
  std::function<void(bool)> sleep_handler_;
  std::function<void(bool)> linger_handler_;
  std::chrono::microseconds inhibit_delay_max_ = std::chrono::seconds(5);
  bool sleeping_ = false;
  bool lock_wanted_ = false;
  bool lock_requested_ = false;  // and not answered yet
  UniqueFd lock_;
  bool linger_ = false;
  std::filesystem::path linger_file_;  // empty for a user without a name
  PathWatcher::Handle linger_watch_;
  log::Damped bus_problem_;
  log::Damped lock_problem_;
  SystemBus system_bus_;
  std::unique_ptr<Bus> bus_;
  Lifetime lifetime_;
};

}  // namespace virtsession
