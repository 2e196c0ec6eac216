// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain_state.hpp"

#include <libvirt/libvirt.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace virtsession {
namespace {

using Words = std::span<const std::string_view>;

// In the order of virDomainRunningReason and so on; the words are those of tools/virsh-domain-monitor.c.
constexpr std::array<std::string_view, 1> kUnknown = {"unknown"};
constexpr std::array<std::string_view, 12> kRunning = {
    "unknown",       "booted",       "migrated", "restored",  "from snapshot",   "unpaused", "migration canceled",
    "save canceled", "event wakeup", "crashed",  "post-copy", "post-copy failed"};
constexpr std::array<std::string_view, 15> kPaused = {
    "unknown",   "user",        "migrating",     "saving",           "dumping",
    "I/O error", "watchdog",    "from snapshot", "shutting down",    "creating snapshot",
    "crashed",   "starting up", "post-copy",     "post-copy failed", "api error"};
constexpr std::array<std::string_view, 2> kShutdown = {"unknown", "user"};
constexpr std::array<std::string_view, 9> kShutOff = {"unknown", "shutdown", "destroyed",     "crashed", "migrated",
                                                      "saved",   "failed",   "from snapshot", "daemon"};
constexpr std::array<std::string_view, 2> kCrashed = {"unknown", "panicked"};

Words words_of(int libvirt_state) {
  switch (libvirt_state) {
    case VIR_DOMAIN_RUNNING:
      return kRunning;
    case VIR_DOMAIN_PAUSED:
      return kPaused;
    case VIR_DOMAIN_SHUTDOWN:
      return kShutdown;
    case VIR_DOMAIN_SHUTOFF:
      return kShutOff;
    case VIR_DOMAIN_CRASHED:
      return kCrashed;
  }
  return kUnknown;
}

}  // namespace

DomainState domain_state(int libvirt_state) {
  switch (libvirt_state) {
    case VIR_DOMAIN_NOSTATE:
      return DomainState::no_state;
    case VIR_DOMAIN_RUNNING:
      return DomainState::running;
    case VIR_DOMAIN_BLOCKED:
      return DomainState::blocked;
    case VIR_DOMAIN_PAUSED:
      return DomainState::paused;
    case VIR_DOMAIN_SHUTDOWN:
      return DomainState::shutting_down;
    case VIR_DOMAIN_SHUTOFF:
      return DomainState::shut_off;
    case VIR_DOMAIN_CRASHED:
      return DomainState::crashed;
    case VIR_DOMAIN_PMSUSPENDED:
      return DomainState::pm_suspended;
  }
  return DomainState::unknown;
}

std::string state_reason_text(int libvirt_state, int libvirt_reason) {
  const Words words = words_of(libvirt_state);
  const auto index = static_cast<std::size_t>(libvirt_reason);
  return std::string(libvirt_reason >= 0 && index < words.size() ? words[index] : kUnknown[0]);
}

ShutoffReason shutoff_reason(int libvirt_state, int libvirt_reason) {
  if (libvirt_state != VIR_DOMAIN_SHUTOFF) return ShutoffReason::none;
  switch (libvirt_reason) {
    case VIR_DOMAIN_SHUTOFF_SHUTDOWN:
      return ShutoffReason::shutdown;
    case VIR_DOMAIN_SHUTOFF_DESTROYED:
      return ShutoffReason::destroyed;
    case VIR_DOMAIN_SHUTOFF_CRASHED:
      return ShutoffReason::crashed;
    case VIR_DOMAIN_SHUTOFF_MIGRATED:
      return ShutoffReason::migrated;
    case VIR_DOMAIN_SHUTOFF_SAVED:
      return ShutoffReason::saved;
    case VIR_DOMAIN_SHUTOFF_FAILED:
      return ShutoffReason::failed;
    case VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT:
      return ShutoffReason::from_snapshot;
    case VIR_DOMAIN_SHUTOFF_DAEMON:
      return ShutoffReason::daemon;
  }
  return ShutoffReason::unknown;
}

PauseReason pause_reason(int libvirt_state, int libvirt_reason) {
  if (libvirt_state != VIR_DOMAIN_PAUSED) return PauseReason::none;
  switch (libvirt_reason) {
    case VIR_DOMAIN_PAUSED_USER:
      return PauseReason::user;
    case VIR_DOMAIN_PAUSED_IOERROR:
      return PauseReason::io_error;
    case VIR_DOMAIN_PAUSED_WATCHDOG:
      return PauseReason::watchdog;
  }
  return may_be_in_job(libvirt_state, libvirt_reason) ? PauseReason::job : PauseReason::other;
}

bool may_be_in_job(int libvirt_state, int libvirt_reason) {
  if (libvirt_state != VIR_DOMAIN_PAUSED) return false;
  switch (libvirt_reason) {
    case VIR_DOMAIN_PAUSED_SAVE:
    case VIR_DOMAIN_PAUSED_MIGRATION:
    case VIR_DOMAIN_PAUSED_POSTCOPY:
    case VIR_DOMAIN_PAUSED_DUMP:
    case VIR_DOMAIN_PAUSED_SNAPSHOT:
      return true;
  }
  return false;
}

}  // namespace virtsession
