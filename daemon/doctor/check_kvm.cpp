// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <cerrno>
#include <system_error>

namespace virtsession {
namespace {

using Outcome = KvmFacts::Outcome;

std::string error_text(int error) { return std::generic_category().message(error); }

bool exists(const KvmFacts& kvm) { return kvm.outcome != Outcome::absent && kvm.outcome != Outcome::not_seen; }

void check_present(const KvmFacts& kvm, Report& report) {
  if (exists(kvm)) return report.ok("kvm-present", "/dev/kvm exists");
  if (kvm.x86 && kvm.cpu_flag.empty())
    return report.add("kvm-present", Severity::warning, {},
                      "there is no /dev/kvm, and the CPU shows neither vmx nor svm: virtualisation is off in the "
                      "firmware, or this is a VM without nested virtualisation; VMs are emulated, which is slow");
  const std::string module = kvm.cpu_flag == "svm" ? "kvm_amd" : kvm.cpu_flag == "vmx" ? "kvm_intel" : "kvm";
  report.add("kvm-present", Severity::warning, {},
             "there is no /dev/kvm" + (kvm.cpu_flag.empty() ? "" : ", although the CPU has " + kvm.cpu_flag) +
                 ": VMs are emulated, which is slow",
             "sudo modprobe " + module);
}

void check_accessible(const Picture& picture, Report& report) {
  const auto& kvm = picture.facts.kvm;
  const std::string& user = picture.facts.machine.user;
  if (kvm.outcome != Outcome::open_failed) {
    // One that hangs while it is opened was not refused either.
    if (exists(kvm)) report.ok("kvm-accessible", "/dev/kvm may be opened by " + user);
    return;
  }
  const std::string what = "/dev/kvm cannot be opened: " + error_text(kvm.error);
  if (kvm.error != EACCES && kvm.error != EPERM) return report.add("kvm-accessible", Severity::problem, {}, what);
  if (kvm.group_may_use && kvm.in_group && !kvm.session_in_group)
    return report.add("kvm-accessible", Severity::problem, {},
                      what + "; " + user + " is in group " + kvm.group +
                          " since a moment ago, which counts from the next login on: end all sessions, or reboot");
  if (kvm.group_may_use && !kvm.in_group)
    return report.add("kvm-accessible", Severity::problem, {},
                      what + "; group " + kvm.group + " may, and " + user +
                          " is not in it (the change counts from the next login on)",
                      "sudo usermod -aG " + kvm.group + " " + shell_word(user));
  report.add("kvm-accessible", Severity::problem, {},
             what + "; its group " + kvm.group + " may not either, so udev's rule for it was not applied",
             "sudo udevadm trigger --action=add --name-match=kvm");
}

void check_usable(const KvmFacts& kvm, Report& report) {
  constexpr const char* kEmulate = "; until then a VM runs as <domain type='qemu'>";
  switch (kvm.outcome) {
    case Outcome::works:
      return report.ok("kvm-usable", kvm.x86 ? "a tiny VM was made with KVM and ran to its end"
                                             : "a VM with a CPU can be made with KVM");
    case Outcome::hangs:
      return report.add("kvm-usable", Severity::problem, {},
                        std::string("a tiny VM did not come to its end with /dev/kvm: it hangs, as with nested "
                                    "virtualisation that does not work") +
                            kEmulate);
    case Outcome::create_failed:
      if (kvm.error == EBUSY)
        return report.add("kvm-usable", Severity::problem, {},
                          "KVM cannot make a VM: another hypervisor (VirtualBox, VMware) has the CPU's virtualisation",
                          "sudo modprobe -r vboxnetadp vboxnetflt vboxdrv");
      return report.add("kvm-usable", Severity::problem, {},
                        "KVM cannot make a VM: " + error_text(kvm.error) + kEmulate);
    case Outcome::run_failed:
      return report.add("kvm-usable", Severity::problem, {},
                        "KVM makes a VM and cannot run it: " + error_text(kvm.error) + kEmulate);
    case Outcome::absent:
    case Outcome::open_failed:
    case Outcome::not_seen:
      break;
  }
}

void check_acceleration(const Picture& picture, Report& report) {
  const auto& kvm = picture.facts.kvm;
  for (const auto& [vm, domain] : picture.vms) {
    if (domain.type == "kvm" && kvm.outcome != Outcome::works)
      report.add("vm-acceleration", Severity::problem, vm.name,
                 "it is of type kvm, and cannot start: KVM does not work here (see the kvm- checks)");
    else if (domain.type == "qemu" && kvm.outcome == Outcome::works)
      report.add("vm-acceleration", Severity::note, vm.name,
                 "it is emulated (type qemu), although KVM works here and is many times faster",
                 virsh_command("dumpxml --inactive --security-info", vm.name) +
                     " | sed \"1s/type='qemu'/type='kvm'/\" | virsh -c qemu:///session define /dev/stdin");
    else if (!domain.type.empty())
      report.add("vm-acceleration", Severity::ok, vm.name, "its type is " + domain.type);
  }
}

}  // namespace

void check_kvm(const Picture& picture, Report& report) {
  const auto& kvm = picture.facts.kvm;
  if (kvm.outcome == Outcome::not_seen) return;
  check_present(kvm, report);
  check_accessible(picture, report);
  check_usable(kvm, report);
  check_acceleration(picture, report);
}

}  // namespace virtsession
