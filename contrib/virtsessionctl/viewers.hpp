// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace virtsession::ctl {

/// A program that shows a VM's screen.
struct Viewer {
  std::string program;
  std::vector<std::string> before_uuid;  ///< its arguments; the VM's uuid is the last

  /// The whole command.
  std::vector<std::string> command(const std::string& uuid) const;
};

/// All that are known, the best first: virt-viewer shows a screen and nothing else, and ends with it.
const std::vector<Viewer>& viewers();

}  // namespace virtsession::ctl
