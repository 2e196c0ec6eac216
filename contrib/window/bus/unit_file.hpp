// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bus/dbus_call.hpp"

#include <functional>
#include <memory>
#include <string>

namespace virtsession::window {

/// Whether virtsessiond is started at login, as the user's systemd knows it. Main thread only.
class UnitFile {
 public:
  explicit UnitFile(GDBusConnection* bus) : bus_(bus) {}

  /// \param done receives systemd's word: "enabled", "disabled", "enabled-runtime" ...; not called without systemd
  void read(std::function<void(const std::string& state)> done);
  /// \param done receives why it failed, or nothing
  void set_enabled(bool enabled, std::function<void(const std::string& error)> done);

 private:
  void call(const char* method, GVariant* arguments, Reply reply);

  GDBusConnection* bus_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace virtsession::window
