// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/facts.hpp"
#include "doctor/finding.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace virtsession {

/// All checks, in the order of check_table(). Each says what it saw, also when it is well; what was not seen is not
/// judged. Pure.
std::vector<Finding> diagnose(const DoctorFacts& facts);

/// The checks that depend on the environment of who asks: which libvirt a plain virsh reaches, and whether it has the
/// folders that others have. They follow each other in the table.
inline constexpr const char* kDefaultUriCheck = "uri-default";
inline constexpr const char* kFoldersCheck = "environment-folders";
/// Their findings. \param vms how many the session has. Pure.
std::vector<Finding> diagnose_environment(const DoctorFacts& facts, std::size_t vms);

/// "qemu:///system has 2 VMs (a, b)", as far as it can be asked; nothing when it has none. Pure.
std::optional<std::string> system_vms_text(const SystemLibvirtFacts& system);

/// "system or session?": the two kinds of libvirt side by side, as they are on this machine. A table in plain text, at
/// most 100 columns wide. Pure.
std::string system_or_session_page(const DoctorFacts& facts);

}  // namespace virtsession
