// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"
#include "console.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// What VMs are doing while something is waited for, as their PropertiesChanged tell it. Needs a loop that drives the
/// client's connection.
class Progress {
 public:
  Progress(Client& client, const std::vector<VmInfo>& vms);

  /// One line about those of the objects at `paths` that are not done; the manager's path stands for all VMs.
  /// \param total of the objects that were begun with
  std::string line(const std::vector<std::string>& paths, std::size_t total,
                   std::chrono::steady_clock::duration elapsed, const Terminal& terminal) const;

 private:
  void on_changed(sdbus::Message& message);
  const VmInfo* shown(const std::string& path, std::size_t& others) const;

  std::map<std::string, VmInfo> vms_;  // by path
  sdbus::Slot match_;
};

}  // namespace virtsession::ctl
