// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "doctor/facts.hpp"

#include <string_view>

namespace virtsession {

/// Reads what the checks need of a domain's XML, of a definition's file or of the status file of one that runs: all but
/// its flags. Of the images only what they are called and how they are used. \return operation_failed when it is no XML
/// of a domain
Result<DomainFacts> parse_domain_details(std::string_view xml);

}  // namespace virtsession
