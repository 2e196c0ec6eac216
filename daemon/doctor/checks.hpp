// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/facts.hpp"
#include "doctor/finding.hpp"

#include <string>
#include <utility>
#include <vector>

/// The checks by theme, and what they share. All pure. A part of diagnose().
namespace virtsession {

/// A VM as the checks see it: what virtsessiond knows, or would, and what libvirt's XML has.
struct CheckedVm {
  SupervisedVm vm;
  DomainFacts domain;
};

/// The facts, and what follows from them for each VM.
struct Picture {
  explicit Picture(const DoctorFacts& all);

  const DoctorFacts& facts;
  std::vector<CheckedVm> vms;  ///< by name
  std::string daemon;          ///< whose units count: "libvirtd" or "virtqemud"
};

/// Collects findings.
class Report {
 public:
  void ok(const char* id, std::string text) { add(id, Severity::ok, {}, std::move(text)); }
  void add(const char* id, Severity severity, std::string subject, std::string text, std::string fix = {});
  /// The findings in the order of check_table(), those of one check in the order they came.
  std::vector<Finding> take();

 private:
  std::vector<Finding> findings_;
};

using Check = void (*)(const Picture&, Report&);

void check_complete(const Picture& picture, Report& report);
void check_units(const Picture& picture, Report& report);
void check_daemons(const Picture& picture, Report& report);
void check_kvm(const Picture& picture, Report& report);
void check_session(const Picture& picture, Report& report);
void check_limits(const Picture& picture, Report& report);
void check_bridges(const Picture& picture, Report& report);
void check_user_network(const Picture& picture, Report& report);
void check_reach(const Picture& picture, Report& report);
void check_ports(const Picture& picture, Report& report);
void check_uri(const Picture& picture, Report& report);
void check_processes(const Picture& picture, Report& report);
void check_policies(const Picture& picture, Report& report);
void check_saves(const Picture& picture, Report& report);
void check_disks(const Picture& picture, Report& report);
void check_definitions(const Picture& picture, Report& report);
/// Without what is said of VMs.
void check_folders(const DoctorFacts& facts, Report& report);
/// The folders of a daemon of this session that are others than virtsession's, for a person; empty when none are.
std::string other_folders(const DaemonProcess& process, const DoctorFacts& facts);
void check_failures(const Picture& picture, Report& report);

/// What an interface is attached to in the end: of a network of the session's that only names a bridge, that bridge.
Network attached_to(const Picture& picture, const Network& network);
/// Whether it is the VM that listens there: QEMU, or its passt.
bool is_of_vm(const Picture& picture, const CheckedVm& checked, const PortListener& listener);
/// Whether a VM has an interface of that type.
bool has_network(const CheckedVm& vm, const std::string& type);
/// Names, in quotes and with commas, of those for which `holds`.
template <class Predicate>
std::vector<std::string> names_of(const Picture& picture, Predicate holds) {
  std::vector<std::string> names;
  for (const auto& vm : picture.vms)
    if (holds(vm)) names.push_back(vm.vm.name);
  return names;
}

/// What plain virsh of this user connects to, and why, in words that fit after "virsh reaches URI, ".
struct DefaultUri {
  std::string uri;
  std::string why;
};
DefaultUri default_uri(const DoctorFacts& facts);

}  // namespace virtsession
