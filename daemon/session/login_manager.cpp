// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/login_manager.hpp"

#include "systemd/async_call.hpp"
#include "systemd/unit_reader.hpp"
#include "util/bus_name.hpp"
#include "util/sdbus_compat.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

using namespace std::chrono_literals;

constexpr auto kName = "org.freedesktop.login1";
constexpr auto kPath = "/org/freedesktop/login1";
constexpr auto kInterface = "org.freedesktop.login1.Manager";
constexpr auto kUserLimit = 2min;  // to type a password

template <class T>
std::optional<T> find(const VariantMap& properties, const char* name) {
  const auto found = properties.find(name);
  if (found == properties.end() || !found->second.containsValueOfType<T>()) return std::nullopt;
  return found->second.get<T>();
}

/// The name of a user's file in the linger folder, which logind escapes as C does; empty for a user without a name.
std::string linger_file_name(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(std::size_t{16} * 1024);
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  std::string name;
  for (const char letter : std::string_view(found->pw_name)) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '\\')
      name += "\\\\";
    else if (byte <= ' ' || byte >= 127)
      name += fmt::format("\\{:03o}", byte);
    else
      name += letter;
  }
  return name;
}

Error linger_error(const sdbus::Error& error) {
  const std::string_view name = error.getName();
  const auto text = "Failed to change whether the user lingers: " + error.getMessage();
  if (name == "org.freedesktop.DBus.Error.AccessDenied" ||
      name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired")
    return {ErrorCode::access_denied, text};
  if (name == "org.freedesktop.DBus.Error.ServiceUnknown" || name == "org.freedesktop.DBus.Error.NameHasNoOwner")
    return {ErrorCode::not_supported, text};
  return {ErrorCode::operation_failed, text};
}

}  // namespace

/// In the order in which they need each other; what is pending goes with the proxies.
struct LoginManager::Bus {
  Bus(EventLoop& loop, sdbus::IConnection& connection)
      : logind(sdbus::createProxy(connection, sdbus_compat::ServiceName(kName), sdbus::ObjectPath(kPath))),
        systemd(
            sdbus::createProxy(connection, sdbus_compat::ServiceName(kSystemdName), sdbus::ObjectPath(kManagerPath))),
        caller(loop),
        reader(loop, connection, *systemd, caller) {}

  sdbus::Slot owner_match;
  std::unique_ptr<sdbus::IProxy> logind;
  std::unique_ptr<sdbus::IProxy> systemd;
  AsyncCaller caller;
  UnitReader reader;
};

LoginManager::LoginManager(EventLoop& loop, PathWatcher& paths, uid_t uid, const std::filesystem::path& linger_folder)
    : loop_(loop),
      uid_(uid),
      system_bus_(
          loop, [this](sdbus::IConnection& connection) { opened(connection); },
          [this](const std::string& reason) { lost(reason); }) {
  const auto file = linger_file_name(uid);
  if (file.empty()) return;
  linger_file_ = linger_folder / file;
  linger_watch_ = paths.watch(linger_file_.string(), [this](const std::string&) { check_linger(); });
  check_linger();
}

LoginManager::~LoginManager() = default;

void LoginManager::connect() { system_bus_.open(); }

void LoginManager::opened(sdbus::IConnection& connection) {
  bus_ = std::make_unique<Bus>(loop_, connection);
  bus_->owner_match = watch_bus_name(connection, kName, [this](const std::string&, const std::string& new_owner) {
    if (!new_owner.empty()) appeared();
  });
  bus_->logind->uponSignal("PrepareForSleep").onInterface(kInterface).call([this](const bool& start) {
    set_sleeping(start);
  });
  sdbus_compat::finish_registration(*bus_->logind);
  appeared();
}

void LoginManager::lost(const std::string& reason) {
  bus_.reset();
  lock_requested_ = false;
  bus_problem_.write(log::Level::warning, {},
                     reason + "; VMs are not told of the host's sleep, and the session's time to stop is not known",
                     EventLoop::Clock::now());
}

/// logind is there, perhaps another one than before.
void LoginManager::appeared() {
  bus_->caller.call_for<VariantMap>(
      *bus_->logind, kPropertiesInterface, "GetAll",
      [this](const sdbus::Error* error, const VariantMap& properties) {
        // A bus that answers is up, even when logind is not.
        system_bus_.answered();
        bus_problem_.reset();
        if (error != nullptr) return log::debug("logind does not answer: {}", error->getMessage());
        if (const auto usec = find<std::uint64_t>(properties, "InhibitDelayMaxUSec"))
          inhibit_delay_max_ = std::chrono::microseconds(*usec);
        if (const auto sleeping = find<bool>(properties, "PreparingForSleep")) set_sleeping(*sleeping);
      },
      std::string(kInterface));
  if (lock_wanted_) request_lock();
}

void LoginManager::set_sleeping(bool sleeping) {
  if (std::exchange(sleeping_, sleeping) == sleeping) return;
  loop_.post(lifetime_.weak(), [this, sleeping] {
    if (sleep_handler_) sleep_handler_(sleeping);
  });
  // While it prepares for sleep, logind takes no lock.
  if (!sleeping && lock_wanted_ && !lock_) request_lock();
}

void LoginManager::on_prepare_for_sleep(std::function<void(bool)> handler) { sleep_handler_ = std::move(handler); }

void LoginManager::want_sleep_lock(bool wanted) {
  if (std::exchange(lock_wanted_, wanted) == wanted) return;
  if (wanted)
    request_lock();
  else
    lock_.reset();
}

/// The lock that is held, of a logind before this one, is released when the new one is there.
void LoginManager::request_lock() {
  if (!bus_ || std::exchange(lock_requested_, true)) return;
  bus_->caller.call_for<sdbus::UnixFd>(
      *bus_->logind, kInterface, "Inhibit",
      [this](const sdbus::Error* error, const sdbus::UnixFd& fd) {
        lock_requested_ = false;
        if (error != nullptr)
          return lock_problem_.write(log::Level::warning, {},
                                     "Failed to delay the host's sleep until VMs are ready: " + error->getMessage(),
                                     EventLoop::Clock::now());
        lock_problem_.reset();
        // The reply's own descriptor is closed with it.
        if (lock_wanted_) lock_ = UniqueFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
      },
      std::string("sleep"), std::string("virtsession"), std::string("VMs are paused or saved before the host sleeps"),
      std::string("delay"));
}

template <class T>
void LoginManager::answer(std::function<void(const Result<T>&)> done, Result<T> result) {
  loop_.post(lifetime_.weak(), [done = std::move(done), result = std::move(result)] { done(result); });
}

void LoginManager::user_stop_timeout(StopTimeout done) {
  using Timeout = std::optional<std::chrono::microseconds>;
  if (!bus_) return answer<Timeout>(std::move(done), Error{ErrorCode::not_supported, "There is no system bus"});
  bus_->reader.read_stop_timeout(
      fmt::format("user@{}.service", uid_),
      [this, done = std::move(done)](const Result<Timeout>& result) { answer(done, result); });
}

void LoginManager::check_linger() {
  std::error_code ignored;
  const bool lingers = std::filesystem::exists(linger_file_, ignored);
  if (std::exchange(linger_, lingers) != lingers && linger_handler_) linger_handler_(lingers);
}

void LoginManager::on_linger_changed(std::function<void(bool)> handler) { linger_handler_ = std::move(handler); }

void LoginManager::set_linger(bool enable, bool interactive, Done done) {
  if (!bus_) return answer<void>(std::move(done), Error{ErrorCode::not_supported, "There is no system bus"});
  bus_->caller.call_within(
      kUserLimit, *bus_->logind, kInterface, "SetUserLinger",
      [this, done = std::move(done)](const sdbus::Error* error) {
        // logind makes or removes the file before it answers; inotify may tell of that later.
        if (error == nullptr) check_linger();
        answer<void>(done, error == nullptr ? Result<void>() : linger_error(*error));
      },
      std::uint32_t{uid_}, enable, interactive);
}

}  // namespace virtsession
