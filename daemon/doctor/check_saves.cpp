// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <algorithm>

namespace virtsession {
namespace {

constexpr std::int64_t kDay = 86400;
/// After so long the guest's clock, connections and leases are worth little.
constexpr std::int64_t kOld = 30 * kDay;

const CheckedVm* owner_of(const Picture& picture, const SaveFacts& save) {
  const auto found =
      std::ranges::find_if(picture.vms, [&](const auto& checked) { return checked.vm.name == save.name; });
  return found == picture.vms.end() ? nullptr : &*found;
}

bool has_definition(const Picture& picture, const std::string& name) {
  return std::ranges::find(picture.facts.unlisted, name, &UnlistedDefinition::name) != picture.facts.unlisted.end();
}

/// No command is told that removes one: it holds what the guest had in memory.
void check_save(const Picture& picture, const SaveFacts& save, Report& report) {
  const auto* const owner = owner_of(picture, save);
  const std::int64_t age = std::max<std::int64_t>(0, picture.facts.machine.now_sec - save.time_sec);
  const std::string what = size_text(save.size) + ", from " + duration_text(age) + " ago";
  if (!owner && has_definition(picture, save.name))
    return report.add("managed-save", Severity::note, {},
                      save.path + " (" + what +
                          ") is the saved state of a VM that libvirt does not list now (see "
                          "definition-listed): it goes on from there when it is listed again");
  if (!owner)
    return report.add("managed-save", Severity::note, {},
                      save.path + " (" + what +
                          ") is the saved state of a VM that does not exist; it is of use only "
                          "if a VM of that name is defined again with the same disks");
  if (age >= kOld)
    return report.add("managed-save", Severity::warning, save.name,
                      "it is saved (" + what +
                          ") and goes on from there at its next start, with the clock, the connections and the "
                          "leases of then",
                      virsh_command("start", save.name));
  if (!owner->vm.autostart && owner->vm.start != StartWhen::was_running)
    return report.add("managed-save", Severity::note, save.name,
                      "it is saved (" + what + ") and not marked to start at login: it waits for somebody to start it",
                      virsh_command("start", save.name));
  report.add("managed-save", Severity::ok, save.name, "it is saved (" + what + ") and goes on at its next start");
}

}  // namespace

void check_saves(const Picture& picture, Report& report) {
  for (const auto& save : picture.facts.saves) check_save(picture, save, report);
  if (picture.facts.saves.empty()) report.ok("managed-save", "no VM is saved");
}

}  // namespace virtsession
