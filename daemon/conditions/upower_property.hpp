// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace sdbus {
class IConnection;
class IProxy;
class Variant;
}  // namespace sdbus

namespace virtsession {

inline constexpr auto kUPowerName = "org.freedesktop.UPower";

/// One property of an object of UPower's, which the system bus starts when it is installed: its value, and each new
/// one. The thread of the connection's loop only; the connection outlives it.
class UPowerProperty {
 public:
  /// \param told called on the loop, never from here: with nullptr when UPower does not tell within 5 s
  using Told = std::function<void(const sdbus::Variant* value)>;

  UPowerProperty(sdbus::IConnection& connection, const std::string& path, std::string interface, std::string name,
                 Told told);
  ~UPowerProperty();
  UPowerProperty(const UPowerProperty&) = delete;
  UPowerProperty& operator=(const UPowerProperty&) = delete;

  /// Asks for the value, also at the beginning.
  void ask();

 private:
  std::string interface_;
  std::string name_;
  Told told_;
  std::unique_ptr<sdbus::IProxy> proxy_;  // what is pending goes with it
};

}  // namespace virtsession
