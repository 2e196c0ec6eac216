// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "plan.hpp"
#include "side.hpp"

namespace virtsession::move {

/// All that the plan of a move needs to know. Looks only; for the system's folders it opens storage pools.
Result<Facts> gather_facts(const Request& request, const Places& places, SideAccess& source, virDomainPtr domain,
                           SideAccess& target);

/// The source's files that a plan has, as they are now; for the question whether they are still those.
Result<FileFacts> look_at(SideAccess& side, const std::string& path);

/// The files that a definition names, the one that runs and the one of the next start. \param nvram_folder for firmware
/// variables at their default path
Result<std::vector<NamedFile>> files_named_by(virDomainPtr domain, const std::string& nvram_folder);

/// inactive, with security information
Result<std::string> definition_of(virDomainPtr domain);

}  // namespace virtsession::move
