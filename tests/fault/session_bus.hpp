// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "e2e/desktop.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace virtsession::test {

/// What virtsessiond says of one VM.
struct SaidOfVm {
  std::string path, state, phase, reason, intent, scope;
  bool autostart = false;
};

struct Said {
  std::string libvirt_state;
  std::string stop_state;
  std::string autostart_state;
  std::map<std::string, SaidOfVm> vms;  ///< by name
};

/// A client of virtsessiond that outlives the bus: it has no thread, and connects anew when a call has failed.
class SessionBus {
 public:
  explicit SessionBus(const Host& host) : host_(host) {}

  /// Nothing while there is no bus, or nobody on it who answers within the limit.
  std::optional<Said> ask(std::chrono::milliseconds limit = std::chrono::seconds(5));
  /// Calls a method that takes options only, and waits for no answer. \return whether it was sent
  bool send(const std::string& path, const std::string& interface, const std::string& method,
            const VariantMap& options = {});
  bool send_to_manager(const std::string& method, const VariantMap& options = {}) {
    return send(std::string(kRootPath), kManagerInterface, method, options);
  }
  void disconnect() { connection_.reset(); }

 private:
  sdbus::IConnection& connection();

  const Host& host_;
  std::unique_ptr<sdbus::IConnection> connection_;
};

}  // namespace virtsession::test
