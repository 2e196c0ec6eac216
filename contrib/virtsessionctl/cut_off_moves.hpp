// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace virtsession::ctl {

/// A move of a VM between system and session that was cut off.
struct CutOffMove {
  std::string name;
  std::string uuid;  ///< where it moves to
  bool to_session = true;
};

/// What the journals tell (contrib/move/journal.hpp). None while a move runs. Takes a second at most; any thread.
std::vector<CutOffMove> cut_off_moves();

}  // namespace virtsession::ctl
