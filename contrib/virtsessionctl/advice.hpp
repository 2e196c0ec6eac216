// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "vm_info.hpp"

#include <string>
#include <vector>

namespace virtsession::ctl {

/// Something that a person may want to do, and how.
struct Advice {
  std::string subject;                ///< a VM's name, or empty
  std::string text;                   ///< the fact, one sentence without the subject
  std::vector<std::string> commands;  ///< to be copied as they are
};

/// What to do now, most urgent first. Empty when all is as it should be.
std::vector<Advice> advise(const Properties& manager, const std::vector<VmInfo>& vms);

/// Moves of VMs that were cut off, as their journals tell (contrib/move/journal.hpp). None while a move runs.
std::vector<Advice> advise_on_cut_off_moves();

/// For a user without a VM in the session. \param system_vms as system_vms_text() has it
Advice advise_on_system_vms(const std::string& system_vms);

/// The mistake as one sentence: "unknown key start_oder, did you mean start_order?"
std::string problem_text(const nlohmann::json& problem);

}  // namespace virtsession::ctl
