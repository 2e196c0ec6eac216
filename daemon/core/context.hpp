// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/moment.hpp"

#include <cstdint>
#include <optional>

namespace virtsession {

class Answers;
class Backoff;
class Calls;
struct Config;
class History;
struct HostFacts;
class Outbox;
class SharedPolicies;

/// GNOME Boxes on the user's desktop.
struct BoxesSeen {
  bool open = false;
  std::optional<SteadyTime> closed = {};  ///< when it was closed the last time
};

/// What the objects of the core borrow from the Supervisor, which owns it, outlives them, and alone writes what is
/// const here.
struct Context {
  const Config& config;
  const HostFacts& facts;
  const bool& connected;  ///< libvirt can be asked
  Outbox& outbox;
  History& history;
  Answers& answers;
  Calls& calls;
  Backoff& backoff;
  const BoxesSeen& boxes;
  SharedPolicies& policies;
  std::uint64_t& save_kib_per_sec;  ///< of a save of any VM, as last seen: they share a disk; 0: not known
};

}  // namespace virtsession
