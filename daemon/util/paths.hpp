// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <string>

namespace virtsession {

/// The user's folders as the XDG Base Directory Specification has them: from the environment, else below the home
/// folder. A relative path in the environment is ignored, as it asks for. \throws FatalError (EX_CONFIG) when there is
/// no home folder to be found
std::string config_home();
std::string state_home();

/// A path without "." and "..", doubled and trailing slashes, by its letters alone: no file system is touched.
std::string normal_path(const std::filesystem::path& path);

/// $XDG_RUNTIME_DIR. \throws FatalError (EX_UNAVAILABLE) when it is not set or no folder: there is no login session
std::string runtime_dir();

}  // namespace virtsession
