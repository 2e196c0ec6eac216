// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enum_text.hpp"

namespace virtsession {

/// Where a VM is in its life under supervision; each change comes with a reason for a person.
enum class Phase {
  inactive,
  queued,
  waiting,
  starting,
  waiting_ready,
  running,
  stopping,
  saving,
  backoff,
  gave_up,
  unknown,
  paused,  ///< somebody paused it; it goes on when it is resumed
  asleep,  ///< the guest sleeps (ACPI S3); it goes on when it is resumed
  stuck,   ///< it stands still and should not: an I/O error, its watchdog, a guest that crashed and is kept
};

template <>
inline constexpr auto kEnumText<Phase> = EnumText<Phase, 14>{{{
    {Phase::inactive, "inactive"},
    {Phase::queued, "queued"},
    {Phase::waiting, "waiting"},
    {Phase::starting, "starting"},
    {Phase::waiting_ready, "waiting-ready"},
    {Phase::running, "running"},
    {Phase::stopping, "stopping"},
    {Phase::saving, "saving"},
    {Phase::backoff, "backoff"},
    {Phase::gave_up, "gave-up"},
    {Phase::unknown, "unknown"},
    {Phase::paused, "paused"},
    {Phase::asleep, "asleep"},
    {Phase::stuck, "stuck"},
}}};

/// What the user wants of a VM: `none` until somebody said so by starting or stopping it.
enum class Intent { none, up, down };

template <>
inline constexpr auto kEnumText<Intent> = EnumText<Intent, 3>{{{
    {Intent::none, "none"},
    {Intent::up, "up"},
    {Intent::down, "down"},
}}};

}  // namespace virtsession
