// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/facts.hpp"

#include <string>
#include <string_view>

namespace virtsession {

struct Advice {
  std::string text;            ///< what helps, without a full stop
  std::string fix;             ///< a command, where one does
  bool in_definition = false;  ///< it is the VM's definition that is to be changed
};

/// What helps against failures that libvirt and QEMU tell in these words. Empty for all others. Pure.
Advice advice_on(std::string_view words, Distribution distribution);

}  // namespace virtsession
