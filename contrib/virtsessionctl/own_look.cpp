// SPDX-License-Identifier: LGPL-2.1-or-later
#include "own_look.hpp"

#include <cstdlib>

namespace virtsession::ctl {

GatherOptions own_look() {
  setenv("LIBVIRT_AUTOSTART", "0", 1);
  auto options = options_from_environment();
  options.libvirt_starts_nothing = true;
  return options;
}

}  // namespace virtsession::ctl
