// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/port_spec.hpp"

#include <optional>
#include <string>

namespace virtsession {

/// Why this user cannot listen on a port of the host, for a person.
struct PortTrouble {
  std::string text;
  bool may_pass = true;  ///< without a person: a program ends, an address appears
};

/// Tries it, and lets go at once; for a port that is taken, finds out by whom, among what this user may look at.
/// Reads /proc, so not for the main loop. From any thread. \return nothing when the port is free
std::optional<PortTrouble> trouble_with(const HostPort& host);

}  // namespace virtsession
