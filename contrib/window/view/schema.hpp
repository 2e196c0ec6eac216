// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace virtsession::window {

/// The text of the installed config.schema.json: below XDG_DATA_DIRS, else where this program was installed. Empty when
/// it is not there.
std::string installed_schema();

}  // namespace virtsession::window
