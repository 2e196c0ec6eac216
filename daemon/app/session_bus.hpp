// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <memory>

namespace sdbus {
class IConnection;
}

namespace virtsession {

/// A connection to the session bus. One that is not there (it is being restarted) is waited for, in this thread, for
/// `patience` at most and until end_is_pending(); a warning tells of it first.
/// \throws FatalError with EX_UNAVAILABLE when there is none
std::unique_ptr<sdbus::IConnection> connect_session_bus(std::chrono::seconds patience);

}  // namespace virtsession
