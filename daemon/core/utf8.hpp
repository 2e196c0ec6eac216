// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace virtsession {

/// What every place that wants UTF-8 takes, a D-Bus string and a JSON file among them: every byte that is not part of
/// valid UTF-8, NUL, and the noncharacters that sd-bus refuses (U+FDD0 to U+FDEF, U+nFFFE, U+nFFFF) becomes U+FFFD.
/// Texts of libvirt and QEMU may hold any byte. Any thread.
std::string valid_utf8(std::string_view text);

}  // namespace virtsession
