// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace virtsession {

/// A call to libvirt that changes a domain.
enum class OperationKind {
  start,
  shutdown,
  save,
  power_off,
  reboot,
  pause,
  resume,
  set_autostart,
  set_autostart_once,
  set_policy,
  abort_job,     ///< of the domain, whoever began it; a save that is aborted leaves the guest running
  job_progress,  ///< answered by HypervisorSink::on_job_progress() before its end, when there is a job
  set_time,
};

template <>
inline constexpr auto kEnumText<OperationKind> = EnumText<OperationKind, 13>{{{
    {OperationKind::start, "start"},
    {OperationKind::shutdown, "shut down"},
    {OperationKind::save, "save"},
    {OperationKind::power_off, "power off"},
    {OperationKind::reboot, "reboot"},
    {OperationKind::pause, "pause"},
    {OperationKind::resume, "resume"},
    {OperationKind::set_autostart, "set autostart of"},
    {OperationKind::set_autostart_once, "set autostart-once of"},
    {OperationKind::set_policy, "set the policy of"},
    {OperationKind::abort_job, "abort the job of"},
    {OperationKind::job_progress, "read the progress of"},
    {OperationKind::set_time, "set the clock of"},
}}};

/// How a guest is asked to shut down.
enum class ShutdownWay {
  automatic,  ///< libvirt's choice: the guest agent when it is connected, and the power button when that fails
  acpi,       ///< the power button
  agent,      ///< the guest agent; fails when it is not connected or does not answer
};

/// How far a job of libvirt's is. Of a save, what is left grows while the guest dirties memory.
struct JobProgress {
  std::uint64_t processed_bytes = 0;
  std::uint64_t remaining_bytes = 0;
  std::uint64_t total_bytes = 0;

  bool operator==(const JobProgress&) const = default;
};

using OperationId = std::uint64_t;

/// One call to libvirt on one domain. Fields that the kind does not use are ignored.
struct Operation {
  OperationId id = 0;
  std::string uuid;
  OperationKind kind = OperationKind::start;
  bool paused = false;                          ///< start: leave the guest paused
  bool force_boot = false;                      ///< start: discard a managed save and boot anew
  bool bypass_cache = false;                    ///< start, save: keep the file out of the page cache
  bool graceful = false;                        ///< power_off: SIGTERM only, and fail when QEMU does not end
  bool enable = false;                          ///< set_autostart, set_autostart_once
  std::optional<std::string> policy_text = {};  ///< set_policy: the new text, or nothing to remove the element
  ShutdownWay way = ShutdownWay::automatic;     ///< shutdown
  std::uint64_t time_usec = 0;                  ///< set_time: CLOCK_REALTIME, microseconds
};

}  // namespace virtsession
