// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

#include <optional>

namespace virtsession {

/// Whether a libvirt daemon that is connected answers: every few seconds it is asked for nothing but an answer. Pure.
class Pulse {
 public:
  /// After an answer, until the next question.
  static constexpr Duration kInterval = std::chrono::seconds(3);
  /// An answer takes a millisecond; without one for this long nothing else will be answered either.
  static constexpr Duration kPatience = std::chrono::seconds(5);

  /// There is a connection now: it is asked at once.
  void start(SteadyTime now);
  /// There is none any more.
  void stop() { *this = {}; }
  /// \return whether to ask
  bool tick(SteadyTime now);
  void answered(SteadyTime now);

  /// How long there has been no answer; nothing when that is not long.
  std::optional<Duration> silence(SteadyTime now) const;
  /// When tick() is due: to ask, and each second of a silence, which is told.
  std::optional<SteadyTime> wake() const { return wake_; }

 private:
  std::optional<SteadyTime> asked_;
  std::optional<SteadyTime> wake_;
};

}  // namespace virtsession
