// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/advice.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

namespace virtsession {

/// A VM that libvirt did not load is in no list, and starts nowhere: it is told by its file.
void check_definitions(const Picture& picture, Report& report) {
  const auto& facts = picture.facts;
  for (const auto& definition : facts.unlisted) {
    const std::string there = definition.path + " is there, and ";
    if (!facts.domains_from_libvirt) {
      report.add("definition-listed", Severity::problem, definition.name,
                 there + "it is not the definition of a VM: libvirt will not list it");
    } else if (definition.error.empty()) {
      report.add("definition-listed", Severity::problem, definition.name,
                 there + "libvirt does not list it: it has not read that file since it was started",
                 "virtsessionctl restart-libvirt");
    } else {
      const auto advice = advice_on(definition.error, facts.machine.distribution);
      report.add("definition-listed", Severity::problem, definition.name,
                 there + "libvirt does not list it: " + first_line(definition.error) +
                     (advice.text.empty() ? "" : "; " + advice.text) +
                     ". After you have corrected it: virtsessionctl restart-libvirt",
                 advice.fix);
    }
  }
  if (facts.unlisted.empty())
    report.ok("definition-listed", "every definition in the session is of a VM that is listed");
}

}  // namespace virtsession
