// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "org.freedesktop.login1.Manager-adaptor.hpp"
#include "support/private_bus.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"
#include "util/sdbus_compat.hpp"
#include "util/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace virtsession::test {

/// Stands in for systemd-logind on a private bus, on the test's own loop. It goes when the object goes.
class FakeLogind : public sdbus::AdaptorInterfaces<org::freedesktop::login1::Manager_adaptor> {
 public:
  explicit FakeLogind(sdbus::IConnection& bus);
  virtual ~FakeLogind();
  FakeLogind(const FakeLogind&) = delete;
  FakeLogind& operator=(const FakeLogind&) = delete;

  /// Tells of the sleep, and takes no lock until it is over, as logind.
  void prepare_for_sleep(bool start);
  /// Locks that were given and are not released.
  std::size_t locks_held() const;

  std::vector<std::string> calls;  ///< "Inhibit sleep virtsession delay" ...
  std::size_t locks_given = 0;
  bool sleeping = false;
  /// The D-Bus name of the error with which every call is refused, when set.
  std::optional<std::string> refusal;
  std::uint64_t inhibit_delay_max_usec = 7'000'000;
  std::filesystem::path linger_file;  ///< is there while the user lingers, when set

 private:
  sdbus::UnixFd Inhibit(const std::string& what, const std::string& who, const std::string& why,
                        const std::string& mode) override;
  void SetUserLinger(const std::uint32_t& uid, const bool& enable, const bool& interactive) override;
  std::uint64_t InhibitDelayMaxUSec() override { return inhibit_delay_max_usec; }
  bool PreparingForSleep() override { return sleeping; }
  void refuse() const;

  std::vector<UniqueFd> locks_;  ///< reading ends, which hang up when the lock is released
};

/// The stand-in with a connection of its own. Made anew it is a logind that was restarted, on another unique name.
class RunningLogind {
 public:
  explicit RunningLogind(EventLoop& loop, const PrivateBus& bus)
      : connection_(bus.connect()), source_(loop, *connection_, {}), manager(*connection_) {
    sdbus_compat::request_name(*connection_, "org.freedesktop.login1");
  }

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  BusSource source_;

 public:
  FakeLogind manager;
};

}  // namespace virtsession::test
