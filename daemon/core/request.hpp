// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/cause.hpp"
#include "core/result.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace virtsession {

enum class RequestKind {
  start,
  shutdown,
  stop,
  save,
  power_off,
  reboot,
  pause,
  resume,
  set_autostart,
  set_autostart_once,
  set_policy,
  clear_policy,
  reset_failed,
  list_addresses,
};

using RequestId = std::uint64_t;

/// What somebody asks of one VM. Fields that the kind does not use are ignored.
struct VmRequest {
  std::string uuid;
  RequestKind kind = RequestKind::start;
  Caller caller;

  bool by_policy = false;                            ///< start: as at login; answered when it is accepted
  bool paused = false;                               ///< start
  bool force_boot = false;                           ///< start
  bool bypass_cache = false;                         ///< start, save
  bool graceful = false;                             ///< power_off
  bool enable = false;                               ///< set_autostart, set_autostart_once
  bool wait = true;                                  ///< start: until it is up; shutdown, stop: until it is off
  std::optional<std::chrono::milliseconds> timeout;  ///< shutdown: how long to wait; nothing for the default
  nlohmann::json policy = nlohmann::json::object();  ///< set_policy: keys to merge
  std::vector<std::string> keys;                     ///< clear_policy: which keys; none for all
};

}  // namespace virtsession
