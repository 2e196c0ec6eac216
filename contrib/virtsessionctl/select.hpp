// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "vm_info.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace virtsession::ctl {

/// The VMs that somebody named: each by name, by uuid or by a pattern with *, ? and [...]; once each, in the order in
/// which they were named. Without patterns all of them.
/// \throws Failure (kNoSuchVm) that tells all patterns that fit nothing, with what was probably meant
std::vector<VmInfo> select_vms(const std::vector<VmInfo>& vms, const std::vector<std::string>& patterns);

/// Whether one of the patterns fits the VM; without patterns all do.
bool is_selected(const VmInfo& vm, const std::vector<std::string>& patterns);

/// The one VM that was named. \throws Failure when there is none, or a pattern fits several
VmInfo select_vm(const std::vector<VmInfo>& vms, const std::string& pattern);

/// "; did you mean \"web\"?", or empty when nothing is like the word
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

/// "a" in quotes and printable.
std::string quote(std::string_view name);

/// How a VM is named in a command that a person copies: by name, or by uuid when the name is too odd for that.
std::string command_word(const VmInfo& vm);

}  // namespace virtsession::ctl
