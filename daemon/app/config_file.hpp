// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/config.hpp"
#include "core/result.hpp"

#include <string>

namespace virtsession {

/// Reads and checks one file. \return the error when it cannot be read; what is wrong inside is in the ConfigText
Result<ConfigText> read_config_file(const std::string& path);

/// Where the configuration lies: $XDG_CONFIG_HOME/virtsession/config.json, else /etc/virtsession/config.json.
/// \return empty when neither exists
std::string find_config_file();

}  // namespace virtsession
