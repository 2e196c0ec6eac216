// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"
#include "console.hpp"
#include "util/event_loop.hpp"

#include <map>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// Tells what virtsessiond signals: a line for each signal, or a JSON document.
class Monitor {
 public:
  /// Listens from now on. \param patterns of VMs; empty for all, and then of the manager too
  Monitor(Client& client, Console& console, std::vector<std::string> patterns);
  /// Returns after SIGINT or SIGTERM. \param vms as they are, read after the construction
  void run(const std::vector<VmInfo>& vms);

 private:
  void on_signal(sdbus::Message& message);
  void on_owner(sdbus::Message& message);
  void on_changed(const std::string& path, sdbus::Message& message);
  void on_added(sdbus::Message& message);
  void on_removed(sdbus::Message& message);
  void tell(const char* event, const std::string& path, const VmInfo* vm, const nlohmann::json& properties,
            const std::string& text);

  Client& client_;
  Console& console_;
  std::vector<std::string> patterns_;
  EventLoop loop_;
  std::map<std::string, VmInfo> vms_;  // by path
  std::vector<sdbus::Slot> matches_;
};

}  // namespace virtsession::ctl
