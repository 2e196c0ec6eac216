// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/enum_text.hpp"

namespace virtsession {

/// How a VM ended that was stopped by its policy.
enum class StopOutcome {
  shut_down,
  saved,
  powered_off,
  ended_otherwise,
  left_running,
  not_started,  ///< a start was under way, and came to nothing
  undefined,
  not_in_time,
  terminated,
};

template <>
inline constexpr auto kEnumText<StopOutcome> = EnumText<StopOutcome, 9>{{{
    {StopOutcome::shut_down, "shut down"},
    {StopOutcome::saved, "saved"},
    {StopOutcome::powered_off, "powered off"},
    {StopOutcome::ended_otherwise, "ended in another way"},
    {StopOutcome::left_running, "left running"},
    {StopOutcome::not_started, "not started"},
    {StopOutcome::undefined, "undefined"},
    {StopOutcome::not_in_time, "not stopped in time"},
    {StopOutcome::terminated, "ended by SIGTERM"},
}}};

/// How a VM that was to be stopped ended, by what libvirt says of it.
StopOutcome outcome_of(ShutoffReason reason);

}  // namespace virtsession
