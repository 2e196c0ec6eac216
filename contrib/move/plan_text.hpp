// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "../virtsessionctl/console.hpp"
#include "plan.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace virtsession::move {

/// What a person reads before a move.
void print_plan(ctl::Console& console, const Request& request, const Plan& plan);
/// The same as one JSON document.
nlohmann::json plan_json(const Request& request, const Plan& plan);
/// The one command that deletes the files that a VM leaves behind and no other VM uses; empty when there are none.
std::string delete_command(const Request& request, const Plan& plan);

}  // namespace virtsession::move
