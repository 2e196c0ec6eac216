// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/path_watcher.hpp"

#include <functional>
#include <string>

namespace virtsession {

/// Follows the autostart flags of the session's VMs, for which libvirt has no event: each is a link NAME.xml in a
/// folder of libvirt's. Main loop's thread; the path watcher outlives it.
class AutostartLinks {
 public:
  struct Handlers {
    std::function<void(const std::string& vm)> one;  ///< the flag of the VM of this name may be another one
    std::function<void()> any;                       ///< those of any VM may be
  };

  /// \param config_home $XDG_CONFIG_HOME
  AutostartLinks(PathWatcher& paths, const std::string& config_home, Handlers handlers);

 private:
  PathWatcher::Handle watch_;
};

}  // namespace virtsession
