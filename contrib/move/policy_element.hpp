// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "domain_tree.hpp"

#include <nlohmann/json_fwd.hpp>

namespace virtsession::move {

/// Adds keys to virtsession's policy in a domain's metadata. What is set there already wins, and a policy that is not
/// usable is left alone.
void add_policy(xmlNode* domain, const nlohmann::json& keys);

}  // namespace virtsession::move
