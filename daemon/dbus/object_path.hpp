// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace virtsession {

inline constexpr std::string_view kBusName = "org.virtsession.Supervisor1";
inline constexpr std::string_view kRootPath = "/org/virtsession/Supervisor1";
/// What is above the objects of all VMs.
inline constexpr std::string_view kVmFolder = "/org/virtsession/Supervisor1/vm";

/// \return whether `text` is a uuid in canonical form: lower case, with dashes
bool is_uuid(std::string_view text);

/// The VM's object: kRootPath, "/vm/_", and the uuid with dashes as underscores. A valid path for any text.
std::string object_path(std::string_view uuid);

/// \return the uuid whose object_path() it is, or nothing when it is no VM's path
std::optional<std::string> uuid_of_path(std::string_view path);

}  // namespace virtsession
