// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "client.hpp"
#include "console.hpp"
#include "vm_info.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace virtsession::ctl {

/// A value as somebody typed it, of the type that the key has. What is not of that type stays a text, and virtsessiond
/// says what is wrong with it. Lists are separated by commas, or JSON.
/// \param policy in force, for keys that only virtsessiond knows
nlohmann::json parse_policy_value(const std::string& key, const std::string& text, const nlohmann::json& policy);

/// Where a value in force comes from: "vm", "configuration" or "built-in"; "not set" for a key without one.
std::string policy_source(const VmInfo& vm, const std::string& key);

/// What a key may be, for a person: "flag, was-running or never", "true or false", "0 to 1000". Empty when not known.
std::string policy_key_range(const std::string& key);

/// Values that a key, or an entry of its list, may be completed with.
std::vector<std::string> policy_key_values(const std::string& key);

bool policy_key_is_list(const std::string& key);

/// All keys, by name: those in force, and those that need not have a value.
std::vector<std::string> policy_keys(const nlohmann::json& policy);

/// Sets keys of the policy that a VM carries; the others stay. \throws Failure with virtsessiond's words
void set_policy(Client& client, Console& console, const VmInfo& vm, const nlohmann::json& keys);

/// Takes keys out of it, or all. \throws Failure with virtsessiond's words
void clear_policy(Client& client, Console& console, const VmInfo& vm, const std::vector<std::string>& keys);

/// Lets a person edit it as JSON. What virtsessiond refuses can be edited again.
/// \return whether something was changed \throws Failure when the person gave up
bool edit_policy(Client& client, Console& console, const VmInfo& vm);

}  // namespace virtsession::ctl
