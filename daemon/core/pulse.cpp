// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/pulse.hpp"

#include <utility>

namespace virtsession {

void Pulse::start(SteadyTime now) {
  connected_ = true;
  if (awaited_) wake_ = now;
}

void Pulse::stop() {
  connected_ = false;
  asked_.reset();
  wake_.reset();
}

void Pulse::set_awaited(bool awaited, SteadyTime now) {
  if (std::exchange(awaited_, awaited) == awaited || !connected_ || asked_) return;
  wake_ = awaited ? std::optional(now) : std::nullopt;
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
  wake_ = awaited_ ? std::optional(now + kInterval) : std::nullopt;
}

std::optional<Duration> Pulse::silence(SteadyTime now) const {
  return asked_ && now - *asked_ >= kPatience ? std::optional(now - *asked_) : std::nullopt;
}

}  // namespace virtsession
