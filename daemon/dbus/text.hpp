// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/views.hpp"

#include <string>
#include <string_view>

namespace virtsession {

/// What a D-Bus string may hold: every byte that is not part of valid UTF-8, NUL, and the noncharacters that sd-bus
/// refuses (U+FDD0 to U+FDEF, U+nFFFE, U+nFFFF) becomes U+FFFD. One bad string in a property would otherwise break
/// GetAll, GetManagedObjects and InterfacesAdded. Any thread.
std::string valid_utf8(std::string_view text);

/// The view with every text in it made valid, also those inside the policies. Any thread.
VmView with_valid_utf8(VmView view);
ManagerView with_valid_utf8(ManagerView view);

}  // namespace virtsession
