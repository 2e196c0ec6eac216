// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace virtsession::window {

/// What the processes of a VM's scope use, as the user's systemd counts it (org.freedesktop.systemd1.Scope:
/// MemoryCurrent, CPUUsageNSec). Main thread only.
class ScopeUsage {
 public:
  struct Usage {
    std::optional<std::uint64_t> memory;  ///< bytes
    std::optional<double> processors;     ///< 1.0 is one processor, since the last read()
  };

  explicit ScopeUsage(GDBusConnection* bus) : bus_(bus) {}

  /// Asks, and answers when systemd has; without systemd never.
  void read(const std::string& scope, std::function<void(const Usage&)> done);

 private:
  void take(GVariant* properties, const std::string& scope, const std::function<void(const Usage&)>& done);

  GDBusConnection* bus_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::string scope_;
  std::uint64_t last_nsec_ = 0;
  gint64 last_time_ = 0;
};

}  // namespace virtsession::window
