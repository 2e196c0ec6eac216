// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/notify.hpp"

#include "util/log.hpp"
#include "util/printable.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstring>
#include <utility>

namespace virtsession {

void Notify::ready() { send("READY=1"); }

void Notify::status(const std::string& text) {
  const std::string line = printable(text);  // a newline would start another assignment
  if (line == status_) return;
  status_ = line;
  send("STATUS=" + line);
}

void Notify::stopping() { send("STOPPING=1"); }

void Notify::reloading(std::chrono::steady_clock::time_point now) {
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", usec));
}

void Notify::extend_timeout(std::chrono::microseconds from_now) {
  send(fmt::format("EXTEND_TIMEOUT_USEC={}", from_now.count()));
}

void Notify::send(const std::string& state) {
  const int result = sd_notify(0, state.c_str());
  if (result >= 0 || std::exchange(failed_, true)) return;
  log::warn("Failed to notify systemd: {}", std::strerror(-result));
}

}  // namespace virtsession
