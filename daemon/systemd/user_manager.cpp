// SPDX-License-Identifier: LGPL-2.1-or-later
#include "systemd/user_manager.hpp"

#include "systemd/async_call.hpp"
#include "systemd/scope_properties.hpp"
#include "systemd/unit_jobs.hpp"
#include "systemd/unit_reader.hpp"
#include "systemd/unit_watches.hpp"
#include "util/bus_name.hpp"
#include "util/event_loop.hpp"
#include "util/log.hpp"
#include "util/sdbus_compat.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace virtsession {

namespace {

const char* to_text(JobMode mode) {
  switch (mode) {
    case JobMode::replace:
      return "replace";
    case JobMode::ignore_dependencies:
      return "ignore-dependencies";
  }
  return "";
}

}  // namespace

struct UserManager::Impl : std::enable_shared_from_this<UserManager::Impl> {
  Impl(EventLoop& on, sdbus::IConnection& over, std::chrono::milliseconds limit)
      : loop(on),
        bus(over),
        away_limit(limit),
        driver(sdbus::createProxy(over, sdbus_compat::ServiceName("org.freedesktop.DBus"),
                                  sdbus::ObjectPath("/org/freedesktop/DBus"))),
        manager(sdbus::createProxy(over, sdbus_compat::ServiceName(kSystemdName), sdbus::ObjectPath(kManagerPath))),
        away(on, [this] { jobs.fail_all("The systemd user manager went away"); }) {}

  EventLoop& loop;
  sdbus::IConnection& bus;
  const std::chrono::milliseconds away_limit;
  // The proxies own the pending calls, whose handlers name this object.
  std::unique_ptr<sdbus::IProxy> driver;
  std::unique_ptr<sdbus::IProxy> manager;
  sdbus::Slot owner_match;
  Timer away;
  AsyncCaller caller{loop};
  UnitReader reader{loop, bus, *manager, caller};
  UnitJobs jobs{*manager, caller, reader,
                [this](auto done, auto result) { answer(std::move(done), std::move(result)); }};
  UnitWatches watches{reader, [this](EventLoop::Handler handler) { loop.post(weak_from_this(), std::move(handler)); }};
  Availability availability;
  bool available = false;

  /// From the loop, never from inside sdbus-c++: there an exception would meet C frames, and a handler that destroys
  /// this object would destroy what calls it.
  template <class T>
  void answer(std::function<void(const Result<T>&)> done, Result<T> result) {
    if (!done) return;
    loop.post(weak_from_this(), [done = std::move(done), result = std::move(result)] { done(result); });
  }

  void connect(JobDone done) {
    try {
      owner_match = watch_bus_name(
          bus, kSystemdName, [this](const std::string&, const std::string& new_owner) { owner_changed(new_owner); });
      manager->uponSignal("JobRemoved")
          .onInterface(kManagerInterface)
          .call([this](const std::uint32_t&, const sdbus::ObjectPath& job, const std::string&,
                       const std::string& result) { jobs.removed(job, result); });
      manager->uponSignal("Reloading").onInterface(kManagerInterface).call([this](const bool& active) {
        if (!active && available) watches.refresh();  // a unit file may have come or gone
      });
      sdbus_compat::finish_registration(*manager);
    } catch (const sdbus::Error& error) {
      answer<void>(std::move(done),
                   Error{ErrorCode::not_supported, "Failed to listen to the session bus: " + error.getMessage()});
      return;
    }
    caller.call_for<std::string>(
        *driver, "org.freedesktop.DBus", "GetNameOwner",
        [this, done = std::move(done)](const sdbus::Error* error, const std::string&) {
          if (error == nullptr) return subscribe(done);
          if (error->getName() == "org.freedesktop.DBus.Error.NameHasNoOwner")
            return answer<void>(done, Error{ErrorCode::not_supported,
                                            "No systemd user manager on the session bus "
                                            "(org.freedesktop.systemd1 has no owner)"});
          answer<void>(done, Error{ErrorCode::not_supported,
                                   "Failed to look for the systemd user manager: " + error->getMessage()});
        },
        std::string(kSystemdName));
  }

  void subscribe(JobDone done) {
    caller.call(*manager, kManagerInterface, "Subscribe", [this, done = std::move(done)](const sdbus::Error* error) {
      // Somebody else on this connection may have subscribed.
      if (error != nullptr && error->getName() != "org.freedesktop.systemd1.AlreadySubscribed")
        return answer<void>(done, Error{ErrorCode::operation_failed,
                                        "Failed to subscribe to the systemd user manager: " + error->getMessage()});
      available = true;
      away.cancel();
      answer<void>(done, {});
      jobs.recheck();
      watches.refresh();
    });
  }

  void owner_changed(const std::string& new_owner) {
    if (new_owner.empty()) {
      if (!std::exchange(available, false)) return;
      away.set(EventLoop::Clock::now() + away_limit, away_limit / 10);
      tell(false);
      return;
    }
    subscribe([this](const Result<void>& result) {
      if (result)
        tell(true);
      else
        log::error("{}", result.error().message);
    });
  }

  void tell(bool is_available) {
    loop.post(weak_from_this(), [this, is_available] {
      if (availability) availability(is_available);
    });
  }

  bool refuse(const JobDone& done) {
    if (available) return false;
    answer<void>(done, unavailable());
    return true;
  }

  static Error unavailable() { return {ErrorCode::not_supported, "The systemd user manager is not available"}; }

  /// \param action for the error's text: "send a signal to"
  template <class... Arguments>
  void simple_call(const char* method, const char* action, const std::string& unit, JobDone done,
                   const Arguments&... arguments) {
    if (refuse(done)) return;
    caller.call(
        *manager, kManagerInterface, method,
        [this, action, unit, done = std::move(done)](const sdbus::Error* error) {
          if (error == nullptr) return answer<void>(done, {});
          answer<void>(done, Error{ErrorCode::operation_failed,
                                   fmt::format("Failed to {} {}: {}", action, unit, error->getMessage())});
        },
        unit, arguments...);
  }
};

UserManager::UserManager(EventLoop& loop, sdbus::IConnection& session_bus, std::chrono::milliseconds away_limit)
    : impl_(std::make_shared<Impl>(loop, session_bus, away_limit)) {}

UserManager::~UserManager() = default;

void UserManager::connect(JobDone done) { impl_->connect(std::move(done)); }

void UserManager::on_availability(Availability changed) { impl_->availability = std::move(changed); }

void UserManager::start_unit(const std::string& unit, JobDone done, JobMode mode) {
  if (!impl_->refuse(done)) impl_->jobs.queue(UnitVerb::start, unit, to_text(mode), std::move(done));
}

void UserManager::stop_unit(const std::string& unit, JobDone done, JobMode mode) {
  if (!impl_->refuse(done)) impl_->jobs.queue(UnitVerb::stop, unit, to_text(mode), std::move(done));
}

void UserManager::restart_unit(const std::string& unit, JobDone done) {
  if (!impl_->refuse(done)) impl_->jobs.queue(UnitVerb::restart, unit, to_text(JobMode::replace), std::move(done));
}

void UserManager::kill_unit(const std::string& unit, int signal_number, JobDone done) {
  impl_->simple_call("KillUnit", "send a signal to", unit, std::move(done), std::string("main"),
                     std::int32_t{signal_number});
}

void UserManager::start_scope(const ScopeSpec& spec, const std::vector<pid_t>& pids, JobDone done) {
  if (!impl_->refuse(done)) impl_->jobs.queue_scope(spec, pids, std::move(done));
}

void UserManager::set_scope_limits(const std::string& unit, const ScopeLimits& limits, JobDone done) {
  const bool is_runtime = true;
  impl_->simple_call("SetUnitProperties", "set the limits of", unit, std::move(done), is_runtime,
                     limit_properties(limits));
}

void UserManager::add_to_scope(const std::string& unit, const std::vector<pid_t>& pids, JobDone done) {
  impl_->simple_call("AttachProcessesToUnit", "move processes to", unit, std::move(done), std::string(),
                     unit_pids(pids));
}

void UserManager::watch_unit(const std::string& unit, StatusChanged changed) {
  impl_->watches.add(unit, std::move(changed));
  if (impl_->available) impl_->watches.refresh(unit);
}

void UserManager::unwatch_unit(const std::string& unit) { impl_->watches.remove(unit); }

void UserManager::system_state(std::function<void(const Result<std::string>&)> done) {
  if (!impl_->available) return impl_->answer<std::string>(std::move(done), Impl::unavailable());
  impl_->caller.call_for<sdbus::Variant>(
      *impl_->manager, kPropertiesInterface, "Get",
      [impl = impl_.get(), done = std::move(done)](const sdbus::Error* error, const sdbus::Variant& value) {
        if (error == nullptr && value.containsValueOfType<std::string>())
          return impl->answer<std::string>(done, value.get<std::string>());
        impl->answer<std::string>(
            done, Error{ErrorCode::operation_failed, "Failed to read the state of the systemd user manager: " +
                                                         (error ? error->getMessage() : "not a string")});
      },
      std::string(kManagerInterface), std::string("SystemState"));
}

void UserManager::stop_timeout(const std::string& unit, UnitReader::StopTimeout done) {
  using Timeout = std::optional<std::chrono::microseconds>;
  if (!impl_->available) return impl_->answer<Timeout>(std::move(done), Impl::unavailable());
  impl_->reader.read_stop_timeout(unit, [impl = impl_.get(), done = std::move(done)](const Result<Timeout>& result) {
    impl->answer(done, result);
  });
}

}  // namespace virtsession
