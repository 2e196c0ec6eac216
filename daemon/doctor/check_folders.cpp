// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"
#include "doctor/diagnose.hpp"

namespace virtsession {
namespace {

/// Those that virtsession has, and that a libvirt daemon is to have.
const UserFolders& expected_folders(const DoctorFacts& facts) {
  return facts.user_manager.folders ? *facts.user_manager.folders : facts.machine.folders;
}

}  // namespace

std::string other_folders(const DaemonProcess& process, const DoctorFacts& facts) {
  if (!process.folders || !process.listens_here || process.name == "virtlogd") return {};
  return folder_difference(*process.folders, expected_folders(facts));
}

void check_folders(const DoctorFacts& facts, Report& report) {
  bool differ = false;
  for (const auto& process : facts.libvirt.processes) {
    const auto difference = other_folders(process, facts);
    if (difference.empty()) continue;
    differ = true;
    report.add(kFoldersCheck, Severity::problem, {},
               process.name + " (pid " + std::to_string(process.pid) +
                   ") has other folders than what the user manager starts (" + difference +
                   "): its VMs are not those of virtsession, which leaves it alone; give both the same folders "
                   "(environment.d(5)) and log in again");
  }
  const auto own = folder_difference(facts.machine.folders, expected_folders(facts));
  if (!own.empty())
    report.add(kFoldersCheck, Severity::warning, {},
               "the folders of this environment are others than the user manager's (" + own +
                   "): a libvirt daemon that a program starts here has VMs that virtsession does not find");
  else if (!differ)
    report.ok(kFoldersCheck, "programs, the user manager and libvirt's daemon have the same folders");
}

}  // namespace virtsession
