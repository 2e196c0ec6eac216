// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"
#include "core/operation.hpp"
#include "core/result.hpp"

#include <optional>
#include <string>

namespace virtsession {

struct PendingCall;
class Vm;

/// A guest is asked to shut down, for whatever reason: through its agent first, if it has one, then by its power
/// button, again and again, because a guest that boots does not see it. One that is paused or asleep is woken before.
class GuestShutdown {
 public:
  /// \param until when it is given up
  GuestShutdown(SteadyTime until, Moment now);

  /// What to ask libvirt now; nothing: nothing before wake(), or before an answer.
  std::optional<Call> advance(const Vm& vm, Moment now);
  /// \param call a shutdown or resume of this VM \return why the guest cannot be asked; empty while it may obey
  std::string on_answer(Vm& vm, const PendingCall& call, const Result<void>& result, Moment now);
  /// Calls that were not answered are made again.
  void on_libvirt_lost() { look_at_ = SteadyTime::min(); }
  /// The guest is asked at once, whenever it was asked before.
  void hasten() { look_at_ = SteadyTime::min(); }
  void set_until(SteadyTime until) { until_ = until; }

  /// When it has to be looked at; not past the time when it is given up.
  SteadyTime wake() const { return look_at_ < until_ ? look_at_ : until_; }
  /// libvirt has said at least once that the guest was told.
  bool asked() const { return asked_; }
  bool by_agent() const { return by_agent_; }
  /// It went to sleep instead, as one does whose power button is set to that.
  bool fell_asleep(const Vm& vm) const;

 private:
  SteadyTime next_press(const Vm& vm, Moment now) const;

  SteadyTime until_;
  SteadyTime look_at_;
  Duration press_every_;
  bool asked_ = false;
  bool asked_agent_ = false;
  bool by_agent_ = false;  ///< it was asked through its agent the last time
};

}  // namespace virtsession
