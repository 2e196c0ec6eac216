// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/diagnose.hpp"

#include "core/list_text.hpp"
#include "core/start_plan.hpp"
#include "doctor/checks.hpp"

#include <algorithm>
#include <utility>

namespace virtsession {
namespace {

constexpr Check kChecks[] = {check_complete,    check_units,     check_daemons,      check_kvm,   check_session,
                             check_limits,      check_bridges,   check_user_network, check_reach, check_ports,
                             check_uri,         check_processes, check_policies,     check_saves, check_disks,
                             check_definitions, check_failures};

std::vector<std::string> sentences(const std::vector<Problem>& problems) {
  std::vector<std::string> texts;
  for (const auto& problem : problems)
    texts.push_back(problem.text + (problem.suggestion.empty() ? "" : ", " + problem.suggestion));
  return texts;
}

/// What virtsessiond would make of a domain's metadata; the policy in force comes with it.
SupervisedVm derive(const DomainFacts& domain, Policy& policy) {
  SupervisedVm vm;
  vm.uuid = domain.uuid;
  vm.name = domain.name;
  vm.active = domain.active;
  vm.persistent = domain.persistent;
  vm.autostart = domain.autostart;
  vm.managed_save = domain.managed_save;
  vm.networks = domain.networks;
  if (!domain.policy_error.empty()) vm.policy_problems.push_back(domain.policy_error);
  if (domain.policy_text) {
    const auto text = read_policy_text(*domain.policy_text);
    vm.has_overrides = !text.keys.used.empty();
    for (auto& sentence : sentences(text.keys.problems)) vm.policy_problems.push_back(std::move(sentence));
    apply_policy(policy, text.keys.used);
  }
  vm.start = policy.start;
  vm.stop_timeout_sec = policy.stop_timeout_sec;
  vm.start_if_paths = policy.start_if_paths;
  vm.after_units = policy.after_units;
  vm.ports = policy.ports;
  return vm;
}

/// The VMs as virtsessiond would see them at login.
std::vector<SupervisedVm> derive_all(const DoctorFacts& facts) {
  std::vector<SupervisedVm> vms;
  std::vector<StartNode> nodes;
  for (const auto& domain : facts.domains) {
    Policy policy = facts.policy_defaults;
    vms.push_back(derive(domain, policy));
    const bool starts = vms.back().persistent && vms.back().autostart && policy.start != StartWhen::never;
    nodes.push_back({domain.uuid, domain.name, policy.start_order, policy.start_after, starts, false});
  }
  for (const auto& planned : plan_starts(std::move(nodes)))
    for (auto& vm : vms)
      if (vm.uuid == planned.uuid) vm.dependency_problems = sentences(planned.problems);
  return vms;
}

/// libguestfs makes and removes its own, whose disks and networks are its affair.
bool is_appliance(const SupervisedVm& vm) { return !vm.persistent && vm.name.starts_with("guestfs-"); }

/// virtsessiond's word; else the daemon whose socket starts at login, that runs, or that is installed.
std::string daemon_in_use(const DoctorFacts& facts) {
  if (facts.supervised && !facts.supervised->libvirt_daemon.empty()) return facts.supervised->libvirt_daemon;
  const auto& built_in = facts.libvirt.default_daemon;
  for (const auto& name : {built_in, std::string(built_in == "libvirtd" ? "virtqemud" : "libvirtd")})
    if (const auto* unit = facts.user_manager.unit("virtsession-" + name + ".socket"))
      if (unit->active_state == "active" || unit->file_state == "enabled") return name;
  for (const auto& process : facts.libvirt.processes)
    if (process.name != "virtlogd" && process.listens_here) return process.name;
  return facts.libvirt.libvirtd.empty() && !facts.libvirt.virtqemud.empty() ? "virtqemud" : "libvirtd";
}

}  // namespace

Picture::Picture(const DoctorFacts& all) : facts(all), daemon(daemon_in_use(all)) {
  // While virtsessiond has no libvirt, what it knows of VMs is old.
  const bool from_daemon = all.supervised && all.supervised->libvirt_connected;
  std::vector<SupervisedVm> seen = from_daemon ? all.supervised->vms : derive_all(all);
  for (auto& vm : seen) {
    CheckedVm checked;
    for (const auto& domain : all.domains)
      if (domain.uuid == vm.uuid) checked.domain = domain;
    checked.vm = std::move(vm);
    if (!is_appliance(checked.vm)) vms.push_back(std::move(checked));
  }
  std::ranges::sort(vms, {}, [](const CheckedVm& checked) { return checked.vm.name; });
}

void Report::add(const char* id, Severity severity, std::string subject, std::string text, std::string fix) {
  findings_.push_back({id, severity, std::move(subject), std::move(text), std::move(fix)});
}

std::vector<Finding> Report::take() {
  const auto place = [](const Finding& finding) {
    return std::ranges::find(check_table(), finding.id, &CheckInfo::id) - check_table().begin();
  };
  std::ranges::stable_sort(findings_, {}, place);
  return std::exchange(findings_, {});
}

bool has_network(const CheckedVm& vm, const std::string& type) {
  return std::ranges::any_of(vm.vm.networks, [&](const Network& network) { return network.type == type; });
}

void check_complete(const Picture& picture, Report& report) {
  const auto &late = picture.facts.too_late, &failed = picture.facts.failed;
  if (late.empty() && failed.empty()) return report.ok("doctor-complete", "everything could be looked at");
  if (!late.empty())
    report.add("doctor-complete", Severity::warning, {},
               "these could not be looked at in time, and are not judged below: " + list_text(late));
  if (!failed.empty())
    report.add(
        "doctor-complete", Severity::warning, {},
        "looking at these failed, which is a bug to report, and they are not judged below: " + list_text(failed));
}

std::vector<Finding> diagnose(const DoctorFacts& facts) {
  const Picture picture(facts);
  Report report;
  for (const auto check : kChecks) check(picture, report);
  return report.take();
}

}  // namespace virtsession
