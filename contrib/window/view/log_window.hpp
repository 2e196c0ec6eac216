// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "virtsessionctl/vm_info.hpp"

#include <adwaita.h>

namespace virtsession::window {

/// Opens a window with what the journal has about a VM, the newest last. \param parent it is above of
void show_log(GtkWindow* parent, const ctl::VmInfo& vm);

}  // namespace virtsession::window
