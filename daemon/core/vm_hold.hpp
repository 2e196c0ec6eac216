// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/operation.hpp"
#include "core/policy.hpp"

#include <optional>
#include <utility>

namespace virtsession {

/// A VM that was paused or saved for something that happens to the host, to go on when that is over.
class VmHold {
 public:
  /// \param call the pause or save; nothing when it has been answered
  VmHold(Cause why, HoldAction action, std::optional<OperationId> call = std::nullopt)
      : why_(std::move(why)), action_(action), call_(call) {}

  const Cause& why() const { return why_; }
  HoldAction action() const { return action_; }
  bool saves() const { return action_ == HoldAction::save; }
  /// The pause or save has not been answered.
  bool under_way() const { return call_.has_value(); }
  bool waits_for(OperationId id) const { return call_ == id; }
  void answered() { call_.reset(); }
  /// Its save is to be aborted. \return whether that is new
  bool give_up_save() { return saves() && under_way() && !std::exchange(given_up_, true); }
  bool given_up() const { return given_up_; }

 private:
  Cause why_;
  HoldAction action_;
  std::optional<OperationId> call_;
  bool given_up_ = false;
};

}  // namespace virtsession
