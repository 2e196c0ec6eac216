// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"

#include <sdbus-c++/Error.h>

#include <string_view>

namespace virtsession {

/// The D-Bus name of a documented failure: "org.virtsession.Supervisor1.Error.NoSuchVM". Any thread.
std::string_view dbus_error_name(ErrorCode code);

/// The failure as D-Bus sends it; its text is made valid UTF-8, without which no answer could be sent. Any thread.
sdbus::Error to_dbus_error(const Error& error);

}  // namespace virtsession
