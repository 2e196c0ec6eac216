// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fault/recorder.hpp"

#include <memory>
#include <string>
#include <vector>

namespace virtsession::test {

/// A host, its user logged in, with VMs that a recorder watches.
struct Scene {
  Scene();

  /// Logs in; nobody has a connection to the bus with a thread, which would end with the bus.
  void log_in();
  /// \param shuts_down see Recorder::watch()
  const Guest& add(DomainXml domain, bool shuts_down);
  /// Three that run at once: two of firmware only, and a guest that obeys; all are marked.
  void add_few();
  /// All that are marked are started, and nothing is to end from then on.
  void start_all();
  /// Ends well: all are stopped, and what the recorder has found makes the test fail.
  void finish();

  Desktop desktop;
  SessionBus bus{desktop.host()};
  Recorder recorder{desktop, bus};
  std::vector<std::unique_ptr<Guest>> guests;
};

}  // namespace virtsession::test
