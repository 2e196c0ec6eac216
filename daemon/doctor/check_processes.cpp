// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"

#include <algorithm>

namespace virtsession {
namespace {

using Owner = QemuProcess::Owner;

bool is_known(const Picture& picture, const QemuProcess& qemu) {
  const auto is_it = [&](const auto& vm) { return vm.active && vm.uuid == qemu.uuid; };
  return std::ranges::any_of(picture.facts.domains, is_it) ||
         std::ranges::any_of(picture.vms, [&](const CheckedVm& checked) { return is_it(checked.vm); });
}

void check_orphans(const Picture& picture, Report& report) {
  bool orphans = false;
  for (const auto& qemu : picture.facts.qemus) {
    if (is_known(picture, qemu)) continue;
    const std::string pid = std::to_string(qemu.pid);
    const std::string who = "QEMU of pid " + pid + " (" + (qemu.name.empty() ? "uuid " + qemu.uuid : qemu.name) + ")";
    if (qemu.owner == Owner::other_libvirt) {
      report.add("qemu-orphan", Severity::note, {},
                 who + " belongs to another libvirt of this user, such as a Flatpak's: virtsession does not see it");
      continue;
    }
    if (qemu.owner == Owner::nobody) {
      report.add("qemu-orphan", Severity::note, {},
                 who + " was started without libvirt: virtsession does not look after it");
      continue;
    }
    orphans = true;
    report.add("qemu-orphan", Severity::warning, {},
               who +
                   " was started by the session's libvirt, which does not know it any more: nothing stops it, and it "
                   "writes to its disks. Shut its guest down from inside; a SIGTERM to that pid is a power cut to it");
  }
  if (!orphans) report.ok("qemu-orphan", "libvirt knows every QEMU that it started for this user");
}

/// Scopes of login sessions and of programs end with those; what is in libvirt's own unit or in ours does not.
void check_scope(const CheckedVm& checked, const std::string& unit, Report& report) {
  const std::string& name = checked.vm.name;
  const bool is_session = unit.starts_with("session-") && unit.ends_with(".scope");
  const bool is_programs = unit.starts_with("app-") || unit.starts_with("vte-spawn-") || unit.starts_with("run-");
  if (is_session || is_programs)
    return report.add("vm-scope", Severity::warning, name,
                      "it runs in " + unit + ", of " +
                          (is_session ? "a login session" : "the program that started it") + ", and may end with that",
                      "systemctl --user restart virtsessiond.service");
  report.add("vm-scope", Severity::ok, name, "it runs in " + unit);
}

}  // namespace

void check_processes(const Picture& picture, Report& report) {
  check_orphans(picture, report);
  for (const auto& checked : picture.vms) {
    std::string unit = checked.vm.scope;
    for (const auto& qemu : picture.facts.qemus)
      if (qemu.uuid == checked.vm.uuid && !qemu.unit.empty()) unit = qemu.unit;
    if (checked.vm.active && !unit.empty()) check_scope(checked, unit, report);
  }
}

}  // namespace virtsession
