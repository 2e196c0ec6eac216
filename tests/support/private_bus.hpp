// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

namespace sdbus {
class IConnection;
}

namespace virtsession::test {

/// A dbus-daemon of the test's own, without any service to activate but those of offer(); it ends with the object or
/// with the test.
class PrivateBus {
 public:
  /// Answers when the bus takes connections. \throws std::runtime_error
  PrivateBus();
  ~PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  /// From now on `command` is run when somebody wants the name and nobody has it.
  void offer(const std::string& name, const std::string& command);
  /// As in DBUS_SESSION_BUS_ADDRESS.
  const std::string& address() const { return address_; }
  /// A new connection; drive it with a BusSource or with a loop of its own.
  std::unique_ptr<sdbus::IConnection> connect() const;
  /// Ends the bus at once (SIGKILL), as a crash would. Connections are lost. May be called again.
  void stop();

 private:
  std::filesystem::path folder_;
  std::string address_;
  pid_t pid_ = -1;
};

}  // namespace virtsession::test
