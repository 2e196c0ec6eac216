// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/pulse.hpp"

namespace virtsession {

void Pulse::start(SteadyTime now) {
  asked_.reset();
  wake_ = now;
}

bool Pulse::tick(SteadyTime now) {
  if (!wake_ || now < *wake_) return false;
  if (asked_) {
    wake_ = now + std::chrono::seconds(1);
    return false;
  }
  asked_ = now;
  wake_ = now + kPatience;
  return true;
}

void Pulse::answered(SteadyTime now) {
  if (!asked_) return;
  asked_.reset();
  wake_ = now + kInterval;
}

std::optional<Duration> Pulse::silence(SteadyTime now) const {
  return asked_ && now - *asked_ >= kPatience ? std::optional(now - *asked_) : std::nullopt;
}

}  // namespace virtsession
