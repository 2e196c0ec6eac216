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

void check_save(const Picture& picture, const SaveFacts& save, Report& report) {
  const auto* const owner = owner_of(picture, save);
  const std::int64_t age = std::max<std::int64_t>(0, picture.facts.machine.now_sec - save.time_sec);
  const std::string what = size_text(save.size) + ", from " + duration_text(age) + " ago";
  const std::string remove = virsh_command("managedsave-remove", save.name);
  if (!owner)
    return report.add("managed-save", Severity::note, {},
                      save.path + " (" + what + ") is the saved state of a VM that does not exist",
                      "rm " + shell_word(save.path));
  if (age >= kOld)
    return report.add("managed-save", Severity::warning, save.name,
                      "it is saved (" + what +
                          ") and goes on from there at its next start; to boot it anew instead, "
                          "and lose what was in its memory, remove the saved state",
                      remove);
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
