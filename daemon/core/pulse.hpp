// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

#include <optional>

namespace virtsession {

/// Whether a libvirt daemon that is connected answers: while something is awaited of it, it is asked for nothing but an
/// answer, every few seconds. A daemon of which nobody wants anything is left alone: keep-alive looks after that. Pure.
class Pulse {
 public:
  /// After an answer, until the next question.
  static constexpr Duration kInterval = std::chrono::seconds(3);
  /// An answer takes a millisecond; without one for this long nothing else will be answered either.
  static constexpr Duration kPatience = std::chrono::seconds(5);

  /// There is a connection now.
  void start(SteadyTime now);
  /// There is none any more.
  void stop();
  /// Whether something is awaited of the daemon: a call that it has not answered. It is asked at once.
  void set_awaited(bool awaited, SteadyTime now);
  /// \return whether to ask
  bool tick(SteadyTime now);
  void answered(SteadyTime now);

  /// How long there has been no answer; nothing when that is not long.
  std::optional<Duration> silence(SteadyTime now) const;
  /// When tick() is due: to ask, and each second of a silence, to update what is shown.
  std::optional<SteadyTime> wake() const { return wake_; }

 private:
  bool connected_ = false;
  bool awaited_ = false;
  std::optional<SteadyTime> asked_;
  std::optional<SteadyTime> wake_;
};

}  // namespace virtsession
