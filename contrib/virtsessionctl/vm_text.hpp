// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "console.hpp"
#include "vm_info.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// How a VM fares, for a glance: its colour and its symbol.
Tone tone_of(const VmInfo& vm);
Cell symbol_of(const VmInfo& vm, const Terminal& terminal);

/// What a VM is doing in one word: its phase, or libvirt's state where that says more ("paused").
std::string doing(const VmInfo& vm);

/// Since when it runs or, when it stands still, since when it does: CLOCK_REALTIME, microseconds; 0 when off.
std::uint64_t since_usec(const VmInfo& vm);
/// Why, for a person: the phase's reason, or what failed last.
std::string why(const VmInfo& vm);

/// "yes", "once" or "no"
std::string mark_text(const VmInfo& vm);

/// One property for a person: in units, "yes" and "no", a list in one line. Not yet printable().
std::string property_text(const std::string& name, const nlohmann::json& value, const Terminal& terminal);

/// VMs as a JSON array of objects with the D-Bus names.
nlohmann::json to_json(const std::vector<VmInfo>& vms);

}  // namespace virtsession::ctl
