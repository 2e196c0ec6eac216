// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"

#include <memory>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// The user's systemd, over the client's connection to the session bus. Calls wait; all throw Failure with systemd's
/// words.
class UserUnits {
 public:
  /// \throws Failure when there is none on this bus
  explicit UserUnits(Client& client);

  /// Reads unit files again.
  void reload();
  void enable(const std::string& unit);
  /// Of a unit that is not there: nothing.
  void disable(const std::string& unit);
  void start(const std::string& unit);
  /// \param units those that are not there are passed over
  void stop(const std::vector<std::string>& units);

 private:
  Client& client_;
  std::unique_ptr<sdbus::IProxy> manager_;
};

}  // namespace virtsession::ctl
