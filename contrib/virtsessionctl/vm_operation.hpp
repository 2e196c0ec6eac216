// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "calls.hpp"
#include "verb.hpp"
#include "vm_info.hpp"

#include <functional>
#include <string>
#include <vector>

namespace virtsession::ctl {

/// A method of the VM interface that has options and no other arguments.
Send vm_method(const std::string& method, const VariantMap& options = {});

/// What a verb does to each of the VMs it was given.
struct VmOperation {
  std::string to_do;                                      ///< "start", for messages: "failed to start"
  std::function<std::vector<Send>(const VmInfo&)> steps;  ///< what is called, in this order
  std::function<std::string(const VmInfo&)> done;         ///< the sentence about a success, given the VM as it was
  std::function<std::string(const VmInfo&)> but{};        ///< what is added, given the VM as it is then, if it still is
  std::string hint;                                       ///< told once when something succeeded, or empty
};

/// Does it to all of them at once and tells how it went, a line for each VM. Starts virtsessiond when it does not run.
/// \return kOk, or kFailed when it failed for one of them
int operate(Console& console, const std::vector<std::string>& patterns, const VmOperation& operation,
            std::optional<std::chrono::milliseconds> at_most);

}  // namespace virtsession::ctl
