// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/supervisor.hpp"

#include <string>

namespace virtsession {

/// The two small files of KeptState: login.json in $XDG_RUNTIME_DIR/virtsession, which ends with the login, and
/// state.json in $XDG_STATE_HOME/virtsession, which does not. Written as a whole or not at all.
class StateFiles {
 public:
  /// \throws what runtime_dir() and state_home() throw
  StateFiles();

  /// A file that is no JSON object is set aside as NAME.damaged, reported, and counts as not there.
  KeptState load();
  /// Writes what differs from the last time. A failure (a full disk) is logged once, and tried again at the next
  /// change.
  void save(const KeptState& state);

 private:
  struct File {
    std::string path;
    std::string written;  // the text that is in the file
    bool failed = false;
  };
  static nlohmann::json load(File& file);
  static void save(File& file, const nlohmann::json& content);

  File login_;
  File lasting_;
};

}  // namespace virtsession
