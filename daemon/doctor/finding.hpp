// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/finding.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace virtsession {

struct CheckInfo {
  std::string_view id;
  std::string_view description;  ///< what is looked at, without a full stop
};

/// Every check there is, in the order of the findings. Ids never change their meaning.
std::span<const CheckInfo> check_table();

}  // namespace virtsession
