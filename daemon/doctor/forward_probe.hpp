// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/port_spec.hpp"

#include <chrono>
#include <vector>

namespace virtsession {

/// What comes of a TCP connection to a port that leads to a guest. QEMU's user networking takes every connection, and
/// closes it when the guest refuses it; to a guest that says nothing at all it stays open.
enum class ForwardAnswer {
  speaks,   ///< the service sent something
  silent,   ///< it is open: a service that waits for its client, or a guest that drops what comes
  closed,   ///< closed at once, without a byte: nothing in the guest takes it
  refused,  ///< nobody listens at the host's port
  unknown,  ///< it could not be tried
};

/// Connects to all of them at once and waits until each has said something or the time is over; sends nothing. UDP
/// ports, which say nothing by themselves, are `unknown`.
std::vector<ForwardAnswer> probe_forwards(const std::vector<HostPort>& ports, std::chrono::milliseconds limit);

}  // namespace virtsession
