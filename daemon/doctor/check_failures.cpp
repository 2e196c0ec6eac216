// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/advice.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

namespace virtsession {
void check_failures(const Picture& picture, Report& report) {
  bool failed = false;
  for (const auto& checked : picture.vms) {
    const auto& vm = checked.vm;
    if (vm.active || (!vm.gave_up && vm.last_error.empty())) continue;
    failed = true;
    auto advice = advice_on(vm.last_error, picture.facts.machine.distribution);
    std::string text = vm.gave_up ? "virtsession gave up starting it" : "it is off because of an error";
    if (!vm.last_error.empty()) text += ": " + first_line(vm.last_error);
    if (!advice.text.empty()) text += "; " + advice.text;
    report.add("vm-failed", Severity::problem, vm.name, text,
               advice.in_definition ? virsh_command("edit", vm.name) : advice.fix);
  }
  if (!failed && picture.facts.supervised) report.ok("vm-failed", "no VM gave up, or is off because of an error");
  if (!failed && !picture.facts.supervised)
    report.ok("vm-failed", "whether a VM failed to start is known by virtsessiond, which was not asked");
}

}  // namespace virtsession
