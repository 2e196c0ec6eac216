// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/finding.hpp"

namespace virtsession {
namespace {

constexpr CheckInfo kCheckTable[] = {
    {"doctor-complete", "whether everything that the doctor looks at could be seen in time"},
    {"user-manager", "whether the user's systemd manager can be asked"},
    {"unit-installed", "whether the user manager knows virtsession's units"},
    {"unit-enabled", "whether virtsession starts at login"},
    {"unit-active", "whether virtsessiond and libvirt's socket are up"},
    {"unit-failed", "units of virtsession that failed"},
    {"unit-conflict", "other user units that listen at libvirt's session socket"},
    {"libvirt-installed", "whether a libvirt daemon for the session is installed"},
    {"qemu-installed", "whether QEMU is installed"},
    {"qemu-img", "whether libvirt can make disk images other than raw ones"},
    {"daemon-answers", "which libvirt session daemon clients reach, at which socket, and whether it answers"},
    {"daemon-stray", "libvirt session daemons that some program forked outside virtsession's units"},
    {"socket-stale", "socket files of libvirt where nobody listens, and sockets whose file is gone"},
    {"supervisor-connected", "whether virtsessiond is connected to libvirt"},
    {"kvm-present", "whether there is a /dev/kvm"},
    {"kvm-accessible", "whether this user may open /dev/kvm"},
    {"kvm-usable", "whether a tiny virtual machine really runs with KVM"},
    {"vm-acceleration", "whether a VM is of the type that this machine can run, and runs fast"},
    {"linger", "whether VMs go on after logout"},
    {"stop-budget", "whether the time that systemd leaves at logout and shutdown is enough to stop the VMs"},
    {"limit-open-files", "the limit on open files of libvirt and so of VMs"},
    {"limit-locked-memory", "the limit on locked memory, for VMs with passed-through devices or locked memory"},
    {"limit-file-size", "the limit on the size of a file, for disk images"},
    {"limit-qemu-conf", "limits in the session's qemu.conf that this user may not set"},
    {"limit-slice", "memory and task limits of the user's slice, compared with what the VMs need"},
    {"bridge-helper", "whether QEMU's bridge helper may attach a VM of a user to a bridge"},
    {"bridge-tun", "whether it can open the device for that, /dev/net/tun"},
    {"bridge-allowed", "which bridges /etc/qemu/bridge.conf allows, and which VMs use"},
    {"bridge-exists", "whether the bridges that VMs use exist"},
    {"slirp", "whether QEMU has built-in user networking"},
    {"passt", "whether user networking through passt works with this libvirt"},
    {"user-ping", "whether guests with user networking can ping"},
    {"vsock", "whether VMs with a vsock can be reached by it, for which this user needs /dev/vhost-vsock"},
    {"guest-agent", "whether VMs on a bridge have a channel for the guest agent, which tells their addresses"},
    {"port-free", "whether ports of this machine that are to lead to a VM (policy key ports) are free"},
    {"port-allowed", "whether this user may listen at them"},
    {"forward-answers", "whether guests take connections at the ports that lead to them"},
    {"vm-network", "how a VM is connected, and what that cannot do"},
    {"environment-folders",
     "whether programs, the user manager and libvirt's daemon keep their files in the same place"},
    {"uri-default", "which libvirt a plain virsh reaches"},
    {"uri-system-vms", "VMs in qemu:///system, which are not the session's"},
    {"uri-other-users", "VMs that run in the sessions of other users"},
    {"qemu-orphan", "QEMU processes of this user that libvirt does not know"},
    {"vm-scope", "whether a running VM has a place of its own, where no logout of a terminal ends it"},
    {"policy-usable", "whether the policy in a VM's metadata can be used"},
    {"policy-possible", "whether what a VM's policy wants can be done"},
    {"policy-mark", "whether the mark to start at login and the policy fit together"},
    {"policy-dependencies", "cycles and missing names in start_after"},
    {"definition-listed", "whether libvirt lists every VM that has a definition"},
    {"vm-failed", "VMs that gave up, or are off because of an error"},
    {"vm-waits", "VMs that are to be started and wait for something"},
    {"managed-save", "saved states of VMs that lie about"},
    {"disk-present", "whether the files of a VM's disks are there and may be opened"},
    {"disk-space", "whether disk images have room to grow"},
    {"disk-filesystem", "disk images on file systems that are slow, may be missing, or are lost at reboot"},
    {"disk-unit", "whether services of yours that serve a disk are stopped only after the VM"},
};

}  // namespace

std::span<const CheckInfo> check_table() { return kCheckTable; }

}  // namespace virtsession
