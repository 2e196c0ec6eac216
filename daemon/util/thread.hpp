// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <thread>

namespace virtsession {

/// Starts a thread that never sees a signal: all are blocked in it from its first instruction on, so that they reach
/// the main loop whatever the caller's mask is. \param name for debuggers and `ps -L`, at most 15 characters; a string
/// literal \throws std::system_error when there can be no thread
std::thread start_thread(const char* name, std::function<void()> body);

}  // namespace virtsession
