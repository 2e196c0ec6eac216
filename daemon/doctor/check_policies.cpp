// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"
#include "doctor/words.hpp"
#include "libvirt/policy_xml.hpp"

namespace virtsession {
namespace {

void check_usable(const SupervisedVm& vm, Report& report) {
  for (const auto& problem : vm.policy_problems)
    report.add("policy-usable", Severity::warning, vm.name,
               "its policy has a mistake, which is passed over: " + problem,
               virsh_command("metadata", vm.name) + " " + kPolicyNamespace + " --config --edit");
  if (vm.policy_problems.empty())
    report.add("policy-usable", Severity::ok, vm.name,
               vm.has_overrides ? "its own policy can be used" : "it has no policy of its own");
}

void check_possible(const SupervisedVm& vm, Report& report) {
  for (const auto& problem : vm.not_done)
    report.add("policy-possible", Severity::warning, vm.name, problem.text,
               problem.code == ProblemCode::too_slow
                   ? "sudoedit /etc/systemd/logind.conf   # " + problem.suggestion
                   : virsh_command("metadata", vm.name) + " " + kPolicyNamespace + " --config --edit");
  if (vm.not_done.empty())
    report.add("policy-possible", Severity::ok, vm.name, "nothing is known to be in the way of what its policy wants");
}

void check_mark(const SupervisedVm& vm, Report& report) {
  const std::string mark = virsh_command("autostart", vm.name);
  if (vm.autostart && vm.start == StartWhen::never)
    return report.add("policy-mark", Severity::note, vm.name,
                      "it is marked to start at login, and its policy says start: never, which wins",
                      virsh_command("autostart --disable", vm.name));
  if (!vm.autostart && vm.has_overrides && vm.start == StartWhen::flag)
    return report.add("policy-mark", Severity::note, vm.name,
                      "it has a policy of its own, and is not marked to start at login", mark);
  std::string text = "it is not marked: it starts when somebody starts it";
  if (vm.start == StartWhen::was_running) text = "it starts at login if it ran before";
  if (vm.autostart) text = vm.has_overrides ? "it starts at login, by its own policy" : "it starts at login";
  report.add("policy-mark", Severity::ok, vm.name, text);
}

void check_dependencies(const SupervisedVm& vm, Report& report) {
  for (const auto& problem : vm.dependency_problems)
    report.add("policy-dependencies", Severity::warning, vm.name,
               "an entry of its start_after is not waited for: " + problem,
               virsh_command("metadata", vm.name) + " " + kPolicyNamespace + " --config --edit");
  if (vm.dependency_problems.empty())
    report.add("policy-dependencies", Severity::ok, vm.name, "what it starts after can be waited for");
}

}  // namespace

void check_policies(const Picture& picture, Report& report) {
  for (const auto& [vm, domain] : picture.vms) {
    if (!vm.persistent) continue;  // somebody else's, for a while
    check_usable(vm, report);
    check_possible(vm, report);
    check_mark(vm, report);
    check_dependencies(vm, report);
  }
}

}  // namespace virtsession
