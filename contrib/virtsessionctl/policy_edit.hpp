// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"
#include "console.hpp"
#include "exit_code.hpp"

#include <string>
#include <vector>

namespace virtsession::ctl {

/// Sets keys of the policy that a VM carries; the others stay. \throws Failure with virtsessiond's words
void set_policy(Client& client, Console& console, const VmInfo& vm, const nlohmann::json& keys);

/// Takes keys out of it, or all. \throws Failure with virtsessiond's words
void clear_policy(Client& client, Console& console, const VmInfo& vm, const std::vector<std::string>& keys);

/// Lets a person edit it as JSON. What virtsessiond refuses can be edited again.
/// \return whether something was changed \throws Failure when the person gave up
bool edit_policy(Client& client, Console& console, const VmInfo& vm);

}  // namespace virtsession::ctl
