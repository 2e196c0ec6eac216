// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace virtsession {

class Answers;
class Backoff;
class Calls;
struct Config;
class History;
struct HostFacts;
class Outbox;

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
  const bool& boxes_open;  ///< GNOME Boxes is open on the user's desktop
};

}  // namespace virtsession
