// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/enum_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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
  job_progress,  ///< answered by DomainSink::on_job_progress() before its end, when there is a job
  set_time,
  read_addresses,   ///< answered by DomainSink::on_addresses() before its end, when anything was found
  sync_forwards,    ///< answered by DomainSink::on_forwards() before its end
  define_forwards,  ///< in the definition, for its next start
};

template <>
inline constexpr auto kEnumText<OperationKind> = EnumText<OperationKind, 16>{{{
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
    {OperationKind::read_addresses, "read the addresses of"},
    {OperationKind::sync_forwards, "forward ports of"},
    {OperationKind::define_forwards, "define the forwards of"},
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

  /// How much of it is done, 0 to 100; `total_bytes` is not 0.
  int per_cent() const;
  bool operator==(const JobProgress&) const = default;
};

/// A forward that could not be made, or removed.
struct ForwardFailure {
  Forward forward;
  std::string reason;       ///< for a person: who has the port
  bool retry_helps = true;  ///< the next try may do better, without a person

  bool operator==(const ForwardFailure&) const = default;
};

/// What came of making forwards.
struct ForwardReport {
  /// What QEMU says of its user networking (SLIRP), by alias; nothing: it was not asked.
  std::optional<std::vector<Forward>> there;
  std::vector<ForwardFailure> failed;  ///< by alias, those of passt by MAC

  bool operator==(const ForwardReport&) const = default;
};

using OperationId = std::uint64_t;

// What a call needs beside its kind.
namespace call {

struct Start {
  bool paused = false;        ///< leave the guest paused
  bool force_boot = false;    ///< discard a managed save and boot anew
  bool bypass_cache = false;  ///< keep the file of a managed save out of the page cache
};
struct Shutdown {
  ShutdownWay way = ShutdownWay::automatic;
};
struct Save {
  bool bypass_cache = false;
  bool running = false;  ///< it runs when it is restored, also if it does not run now
};
struct PowerOff {
  bool graceful = false;  ///< SIGTERM only, and fail when QEMU does not end
};
struct Reboot {};
struct Pause {};
struct Resume {};  ///< also wakes a guest that sleeps
struct SetAutostart {
  bool enable = false;
};
struct SetAutostartOnce {
  bool enable = false;
};
struct SetPolicy {
  std::optional<std::string> text = {};  ///< nothing: the element is removed
};
struct AbortJob {};
struct ReadProgress {};
struct SetTime {
  std::uint64_t usec = 0;  ///< CLOCK_REALTIME
};
/// Whom to ask.
struct ReadAddresses {
  bool agent = false;  ///< takes as long as the guest's agent does
  bool arp = false;
};
/// Of a VM that runs, with QEMU's user networking (SLIRP); without changes it only asks what is there.
struct SyncForwards {
  std::vector<Forward> remove = {}, add = {};  ///< by alias
};
/// Of its NICs with passt: what the policy wants in the definition, in the place of what it wanted before.
struct DefineForwards {
  std::vector<Forward> wanted = {};  ///< by MAC
};

}  // namespace call

/// In the order of OperationKind.
using Call =
    std::variant<call::Start, call::Shutdown, call::Save, call::PowerOff, call::Reboot, call::Pause, call::Resume,
                 call::SetAutostart, call::SetAutostartOnce, call::SetPolicy, call::AbortJob, call::ReadProgress,
                 call::SetTime, call::ReadAddresses, call::SyncForwards, call::DefineForwards>;

/// One call to libvirt on one domain.
struct Operation {
  OperationId id = 0;
  std::string uuid;
  Call call;

  OperationKind kind() const { return static_cast<OperationKind>(call.index()); }
};
/// The call of that kind with nothing of what it may need beside it.
Call plain_call(OperationKind kind);

static_assert(std::variant_size_v<Call> == kEnumText<OperationKind>.rows.size());

}  // namespace virtsession
