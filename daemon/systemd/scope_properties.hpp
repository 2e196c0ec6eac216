// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "systemd/scope_spec.hpp"
#include "util/sdbus_compat.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace virtsession {

/// a(sv) of StartTransientUnit and SetUnitProperties, org.freedesktop.systemd1(5).
using UnitProperties = std::vector<sdbus::Struct<std::string, sdbus::Variant>>;

/// Processes as systemd takes them.
std::vector<std::uint32_t> unit_pids(const std::vector<pid_t>& pids);

/// All that a new scope is made with.
UnitProperties scope_properties(const ScopeSpec& spec, const std::vector<pid_t>& pids);

/// All limits, so that those without a value are reset.
UnitProperties limit_properties(const ScopeLimits& limits);

}  // namespace virtsession
