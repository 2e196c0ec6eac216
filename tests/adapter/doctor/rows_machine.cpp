// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check_row.hpp"

#include <cerrno>

namespace virtsession::test {
namespace {

using Outcome = KvmFacts::Outcome;
using S = Severity;

void set(DoctorFacts& facts, Outcome outcome, int error = 0) {
  facts.kvm.outcome = outcome;
  facts.kvm.error = error;
}

std::vector<CheckRow> kvm_rows() {
  return {
      {"well", [](auto&) {}, "kvm-present", S::ok, "", "/dev/kvm exists", ""},
      {"no module", [](auto& facts) { set(facts, Outcome::absent, ENOENT); }, "kvm-present", S::warning, "",
       "although the CPU has vmx", "sudo modprobe kvm_intel"},
      {"no module, AMD",
       [](auto& facts) {
         set(facts, Outcome::absent, ENOENT);
         facts.kvm.cpu_flag = "svm";
       },
       "kvm-present", S::warning, "", "although the CPU has svm", "sudo modprobe kvm_amd"},
      {"off in the firmware",
       [](auto& facts) {
         set(facts, Outcome::absent, ENOENT);
         facts.kvm.cpu_flag = "";
       },
       "kvm-present", S::warning, "", "neither vmx nor svm", ""},
      {"well", [](auto&) {}, "kvm-accessible", S::ok, "", "may be opened by ann", ""},
      {"not in the group",
       [](auto& facts) {
         set(facts, Outcome::open_failed, EACCES);
         facts.kvm.group_may_use = true;
       },
       "kvm-accessible", S::problem, "", "ann is not in it", "sudo usermod -aG kvm ann"},
      {"in the group since the last login",
       [](auto& facts) {
         set(facts, Outcome::open_failed, EACCES);
         facts.kvm.group_may_use = true;
         facts.kvm.in_group = true;
       },
       "kvm-accessible", S::problem, "", "from the next login on", ""},
      {"udev's rule not applied", [](auto& facts) { set(facts, Outcome::open_failed, EACCES); }, "kvm-accessible",
       S::problem, "", "udev", "sudo udevadm trigger --action=add --name-match=kvm"},
      {"another error", [](auto& facts) { set(facts, Outcome::open_failed, ENODEV); }, "kvm-accessible", S::problem, "",
       "No such device", ""},
      {"well", [](auto&) {}, "kvm-usable", S::ok, "", "ran to its end", ""},
      {"well elsewhere", [](auto& facts) { facts.kvm.x86 = false; }, "kvm-usable", S::ok, "", "can be made", ""},
      {"hangs", [](auto& facts) { set(facts, Outcome::hangs); }, "kvm-usable", S::problem, "", "it hangs", ""},
      {"VirtualBox", [](auto& facts) { set(facts, Outcome::create_failed, EBUSY); }, "kvm-usable", S::problem, "",
       "another hypervisor", "sudo modprobe -r vboxnetadp vboxnetflt vboxdrv"},
      {"no VM", [](auto& facts) { set(facts, Outcome::create_failed, ENOTTY); }, "kvm-usable", S::problem, "",
       "cannot make a VM: Inappropriate ioctl", ""},
      {"no run", [](auto& facts) { set(facts, Outcome::run_failed, EIO); }, "kvm-usable", S::problem, "",
       "cannot run it", ""},
      {"well", [](auto&) {}, "vm-acceleration", S::ok, "web", "its type is kvm", ""},
      {"emulated without need", [](auto& facts) { facts.domains[0].type = "qemu"; }, "vm-acceleration", S::note, "web",
       "many times faster",
       "virsh -c qemu:///session dumpxml --inactive --security-info web | sed \"1s/type='qemu'/type='kvm'/\" | virsh "
       "-c qemu:///session define /dev/stdin"},
      {"cannot start", [](auto& facts) { set(facts, Outcome::hangs); }, "vm-acceleration", S::problem, "web",
       "cannot start", ""},
  };
}

std::string manager_drop_in(const std::string& setting) {
  return "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\n" + setting +
         "\\n' | sudo tee -a /etc/systemd/system/user@.service.d/virtsession.conf && sudo systemctl daemon-reload";
}

std::vector<CheckRow> limit_rows() {
  return {
      {"well", [](auto&) {}, "limit-open-files", S::ok, "", "libvirt's daemon (pid 70) may have 1024 files open", ""},
      {"few", [](auto& facts) { facts.limits.open_files_soft = 256; }, "limit-open-files", S::warning, "",
       "may have 256 files open",
       "mkdir -p ~/.config/systemd/user/virtsession-libvirtd.service.d && printf '[Service]\\nLimitNOFILE=1024:524288"
       "\\n' >> ~/.config/systemd/user/virtsession-libvirtd.service.d/doctor.conf && systemctl --user daemon-reload && "
       "systemctl --user restart virtsession-libvirtd.service"},
      {"few at most", [](auto& facts) { facts.limits.open_files_soft = facts.limits.open_files_hard = 256; },
       "limit-open-files", S::warning, "", "may have 256", manager_drop_in("LimitNOFILE=1024")},
      {"nobody needs it", [](auto&) {}, "limit-locked-memory", S::ok, "", "no VM locks its memory", ""},
      {"enough",
       [](auto& facts) {
         facts.domains[0].locks_memory = true;
         facts.limits.locked_memory = 4 * kGiB;
       },
       "limit-locked-memory", S::ok, "web", "may lock 4 GiB, and the VM locks 2 GiB", ""},
      {"too little", [](auto& facts) { facts.domains[0].locks_memory = true; }, "limit-locked-memory", S::problem,
       "web", "may lock 8 MiB, and the VM locks 2 GiB: it cannot start", manager_drop_in("LimitMEMLOCK=infinity")},
      {"well", [](auto&) {}, "limit-file-size", S::ok, "", "without limit", ""},
      {"a disk is larger", [](auto& facts) { facts.limits.file_size = kGiB; }, "limit-file-size", S::problem, "web",
       "/home/ann/web.qcow2 has 20 GiB", manager_drop_in("LimitFSIZE=infinity")},
      {"large enough so far", [](auto& facts) { facts.limits.file_size = 30 * kGiB; }, "limit-file-size", S::warning,
       "", "files of 30 GiB only", manager_drop_in("LimitFSIZE=infinity")},
      {"well", [](auto&) {}, "limit-qemu-conf", S::ok, "", "no limit that cannot be set", ""},
      {"below what may be set", [](auto& facts) { facts.limits.conf_files = 4096; }, "limit-qemu-conf", S::ok, "",
       "no limit", ""},
      {"max_core",
       [](auto& facts) {
         facts.limits.core = 0;
         facts.limits.conf_core = kUnlimited;
       },
       "limit-qemu-conf", S::problem, "",
       "max_core = unlimited in /home/ann/.config/libvirt/qemu.conf is more than this user may set (0)",
       "sed -i 's/^ *max_core.*/max_core = 0/' /home/ann/.config/libvirt/qemu.conf && systemctl --user restart "
       "virtsession-libvirtd.service"},
      {"no core files at all, on a libvirt that sets them to unlimited by default",
       [](auto& facts) { facts.limits.core = 0; }, "limit-qemu-conf", S::problem, "",
       "libvirt 11.3.0 sets the size of core files for each VM to unlimited, and libvirt's daemon (pid 70) may set 0",
       "mkdir -p /home/ann/.config/libvirt && echo 'max_core = 0' >> /home/ann/.config/libvirt/qemu.conf && systemctl "
       "--user restart virtsession-libvirtd.service"},
      {"the same, and it is told not to",
       [](auto& facts) {
         facts.limits.core = 0;
         facts.limits.conf_core_none = true;
       },
       "limit-qemu-conf", S::ok, "", "no limit that cannot be set", ""},
      {"the same, on a libvirt that does not",
       [](auto& facts) {
         facts.limits.core = 0;
         facts.libvirt.version = 9000000;
       },
       "limit-qemu-conf", S::ok, "", "no limit that cannot be set", ""},
      {"max_processes", [](auto& facts) { facts.limits.conf_processes = 2000; }, "limit-qemu-conf", S::problem, "",
       "max_processes = 2000",
       "sed -i 's/^ *max_processes/#&/' /home/ann/.config/libvirt/qemu.conf && systemctl --user restart "
       "virtsession-libvirtd.service"},
      {"well", [](auto&) {}, "limit-slice", S::ok, "", "leave room", ""},
      {"smaller than a VM", [](auto& facts) { facts.limits.slices[0].memory_max = 512 * kMiB; }, "limit-slice",
       S::problem, "web", "user-1000.slice may use 512 MiB of memory, and the VM has 1 GiB",
       "sudo systemctl set-property user-1000.slice MemoryMax=infinity"},
      {"smaller than all VMs",
       [](auto& facts) {
         facts.limits.slices[0] = {"virtsession.slice", 1536 * kMiB, kUnlimited, 1};
         facts.domains.push_back(good_domain());
         facts.domains[1].uuid = "other";
         facts.domains[1].name = "db";
       },
       "limit-slice", S::warning, "", "have 2 GiB together",
       "systemctl --user set-property virtsession.slice MemoryMax=infinity"},
      {"tasks", [](auto& facts) { facts.limits.slices[0].tasks = 9500; }, "limit-slice", S::warning, "",
       "9500 of 10000", "sudo systemctl set-property user-1000.slice TasksMax=infinity"},
  };
}

std::vector<CheckRow> process_rows() {
  return {
      {"well", [](auto&) {}, "qemu-orphan", S::ok, "", "libvirt knows every QEMU", ""},
      {"left behind", [](auto& facts) { facts.qemus[0].uuid = "0"; }, "qemu-orphan", S::warning, "",
       "QEMU of pid 80 (web) was started by the session's libvirt, which does not know it any more", ""},
      {"of a VM that libvirt takes for off", [](auto& facts) { facts.domains[0].active = false; }, "qemu-orphan",
       S::warning, "", "pid 80", ""},
      {"of a Flatpak's libvirt",
       [](auto& facts) {
         facts.qemus[0].uuid = "0";
         facts.qemus[0].owner = QemuProcess::Owner::other_libvirt;
       },
       "qemu-orphan", S::note, "", "another libvirt", ""},
      {"by hand",
       [](auto& facts) {
         facts.qemus[0] = {81, "0", "", "session-3.scope", QemuProcess::Owner::nobody};
       },
       "qemu-orphan", S::note, "", "pid 81 (uuid 0) was started without libvirt", ""},
      {"well", [](auto&) {}, "vm-scope", S::ok, "web", "virtsession-vm-web.scope", ""},
      {"in a terminal", [](auto& facts) { facts.qemus[0].unit = "session-3.scope"; }, "vm-scope", S::warning, "web",
       "of a login session", "systemctl --user restart virtsessiond.service"},
      {"in a desktop's program", [](auto& facts) { facts.qemus[0].unit = "app-gnome-virt\\x2dmanager-5.scope"; },
       "vm-scope", S::warning, "web", "of the program that started it",
       "systemctl --user restart virtsessiond.service"},
  };
}

}  // namespace

std::vector<CheckRow> machine_rows() {
  auto rows = kvm_rows();
  for (auto& row : limit_rows()) rows.push_back(row);
  for (auto& row : process_rows()) rows.push_back(row);
  return rows;
}

}  // namespace virtsession::test
