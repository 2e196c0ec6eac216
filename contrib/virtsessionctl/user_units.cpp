// SPDX-License-Identifier: LGPL-2.1-or-later
#include "user_units.hpp"

#include "console.hpp"
#include "systemd/user_manager.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"
#include "util/printable.hpp"

#include <functional>
#include <optional>

namespace virtsession::ctl {
namespace {

constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

/// Runs one job of the user manager to its end.
Result<void> run_job(Client& client, const std::function<void(UserManager&, UserManager::JobDone)>& begin) {
  EventLoop loop;
  std::optional<Result<void>> result;
  const BusSource source(loop, client.connection(), [&](const std::string& text) {
    result = Error{ErrorCode::operation_failed, "the session bus is gone: " + text};
  });
  UserManager manager(loop, client.connection());
  manager.connect([&](const Result<void>& connected) {
    if (!connected)
      result = connected;
    else
      begin(manager, [&](const Result<void>& done) { result = done; });
  });
  while (!result) loop.run_once(std::chrono::minutes(1));
  return *result;
}

}  // namespace

UserUnits::UserUnits(Client& client)
    : client_(client),
      manager_(sdbus::createProxy(client.connection(), sdbus_compat::ServiceName("org.freedesktop.systemd1"),
                                  sdbus::ObjectPath("/org/freedesktop/systemd1"))) {
  try {
    sdbus::Variant version;
    manager_->callMethod("Get")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(std::string(kManager), std::string("Version"))
        .storeResultsTo(version);
  } catch (const sdbus::Error& error) {
    throw Failure(kFailed, "the user's systemd cannot be reached: " + printable(error.getMessage()));
  }
}

void UserUnits::reload() {
  try {
    manager_->callMethod("Reload").onInterface(kManager);
  } catch (const sdbus::Error& error) {
    throw Failure(kFailed, "the user's systemd does not read its units again: " + printable(error.getMessage()));
  }
}

void UserUnits::enable(const std::string& unit) {
  try {
    manager_->callMethod("EnableUnitFiles").onInterface(kManager).withArguments(std::vector{unit}, false, false);
  } catch (const sdbus::Error& error) {
    throw Failure(kFailed, "failed to enable " + printable(unit) + ": " + printable(error.getMessage()));
  }
}

void UserUnits::disable(const std::string& unit) {
  try {
    manager_->callMethod("DisableUnitFiles").onInterface(kManager).withArguments(std::vector{unit}, false);
  } catch (const sdbus::Error& error) {
    throw Failure(kFailed, "failed to disable " + printable(unit) + ": " + printable(error.getMessage()));
  }
}

void UserUnits::start(const std::string& unit) {
  const auto done = run_job(
      client_, [&](UserManager& manager, UserManager::JobDone end) { manager.start_unit(unit, std::move(end)); });
  if (!done) throw Failure(kFailed, printable(done.error().message), "Find out why:  systemctl --user status " + unit);
}

void UserUnits::stop(const std::vector<std::string>& units) {
  for (const auto& unit : units)  // one that is not loaded is not there to be stopped
    static_cast<void>(run_job(
        client_, [&](UserManager& manager, UserManager::JobDone end) { manager.stop_unit(unit, std::move(end)); }));
}

}  // namespace virtsession::ctl
