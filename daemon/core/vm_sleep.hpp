// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/operation.hpp"
#include "core/policy.hpp"

#include <optional>
#include <utility>

namespace virtsession {

/// A VM that was paused or saved for the host's sleep, to go on when the host wakes up.
class VmSleep {
 public:
  /// \param call the pause or save; nothing when it has been answered
  explicit VmSleep(SleepAction action, std::optional<OperationId> call = std::nullopt) : action_(action), call_(call) {}

  SleepAction action() const { return action_; }
  bool saves() const { return action_ == SleepAction::save; }
  /// The pause or save has not been answered.
  bool under_way() const { return call_.has_value(); }
  bool waits_for(OperationId id) const { return call_ == id; }
  void answered() { call_.reset(); }
  /// Its save is to be aborted. \return whether that is new
  bool give_up_save() { return saves() && under_way() && !std::exchange(given_up_, true); }
  bool given_up() const { return given_up_; }

 private:
  SleepAction action_;
  std::optional<OperationId> call_;
  bool given_up_ = false;
};

}  // namespace virtsession
