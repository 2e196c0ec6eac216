// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace virtsession {

/// Waits until the guest answers at a forward of the host's. QEMU's user network takes every connection at once and
/// asks the guest afterwards: it closes one that the guest refuses, and keeps one open that a guest without a network
/// knows nothing of. A connection that is open and of which the host wants to say no more is therefore ended by a guest
/// that has taken it, or answered, and by no other. Twice in a row it is no guest that has just refused it.
/// \param address IPv4 or IPv6 \return whether it answers; of a guest that says nothing at all for long that is unknown
bool wait_for_guest(const std::string& address, std::uint16_t port, std::chrono::milliseconds at_most);

}  // namespace virtsession
