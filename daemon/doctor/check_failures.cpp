// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/advice.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

namespace virtsession {
namespace {

void check_waits(const Picture& picture, Report& report) {
  bool waits = false;
  for (const auto& [vm, domain] : picture.vms) {
    if (vm.waits.empty()) continue;
    waits = true;
    report.add("vm-waits", Severity::note, vm.name, "it is to be started, and waits: " + vm.waits);
  }
  if (waits) return;
  report.ok("vm-waits", picture.facts.supervised ? "no VM waits to be started"
                                                 : "what VMs wait for is known by virtsessiond, which was not asked");
}

}  // namespace

void check_failures(const Picture& picture, Report& report) {
  bool failed = false;
  for (const auto& checked : picture.vms) {
    const auto& vm = checked.vm;
    if (vm.active || (!vm.gave_up && vm.last_error.empty())) continue;
    failed = true;
    auto advice = advice_on(vm.last_error, picture.facts.machine.distribution);
    const char* const off = vm.waits.empty() ? "it is off because of an error" : "it could not be started";
    std::string text = vm.gave_up ? "virtsession gave up starting it" : off;
    if (!vm.last_error.empty()) text += ": " + first_line(vm.last_error);
    if (!advice.text.empty()) text += "; " + advice.text;
    report.add("vm-failed", Severity::problem, vm.name, text,
               advice.in_definition ? virsh_command("edit", vm.name) : advice.fix);
  }
  check_waits(picture, report);
  if (!failed && picture.facts.supervised) report.ok("vm-failed", "no VM gave up, or is off because of an error");
  if (!failed && !picture.facts.supervised)
    report.ok("vm-failed", "whether a VM failed to start is known by virtsessiond, which was not asked");
}

}  // namespace virtsession
