// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/views.hpp"

namespace virtsession {

/// The view with every text in it made valid UTF-8, also those inside the policies: one bad string in a property would
/// break GetAll, GetManagedObjects and InterfacesAdded. Any thread.
VmView with_valid_utf8(VmView view);
ManagerView with_valid_utf8(ManagerView view);

}  // namespace virtsession
