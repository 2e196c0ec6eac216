// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <string>

namespace sdbus {
class Variant;
}

namespace virtsession {

using VariantMap = std::map<std::string, sdbus::Variant>;  ///< a{sv}: properties, options or hints by name

}  // namespace virtsession
