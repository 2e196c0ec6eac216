// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

// How a VM is reached from the host.

namespace virtsession {
namespace {

constexpr const char* kVsock = "/dev/vhost-vsock";

/// What lets a user at the machine use the device, as udev does it for KVM.
constexpr const char* kUdevRule =
    "echo 'KERNEL==\"vhost-vsock\", TAG+=\"uaccess\"' | sudo tee /etc/udev/rules.d/70-vhost-vsock.rules && sudo "
    "udevadm "
    "control --reload && sudo udevadm trigger --action=add --name-match=vhost-vsock";

void check_vsock(const Picture& picture, Report& report) {
  const auto& vsock = picture.facts.vsock;
  const auto vms = names_of(picture, [](const CheckedVm& checked) { return checked.domain.vsock; });
  if (vms.empty()) return report.ok("vsock", "no VM has a vsock");
  if (!vsock.error) return;
  if (*vsock.error == 0)
    return report.ok("vsock", std::string(kVsock) + " can be opened; " + list_text(vms) + " may use it");
  const std::string what = std::string(kVsock) + " cannot be opened: " + std::generic_category().message(*vsock.error) +
                           "; " + list_text(vms) +
                           (vms.size() == 1 ? " has a vsock and cannot start" : " have a vsock and cannot start");
  if (*vsock.error == ENOENT || *vsock.error == ENODEV)
    return report.add("vsock", Severity::problem, {}, what, "sudo modprobe vhost_vsock");
  if (*vsock.error != EACCES && *vsock.error != EPERM) return report.add("vsock", Severity::problem, {}, what);
  const std::string& user = picture.facts.machine.user;
  if (vsock.group_may_use && vsock.in_group && !vsock.session_in_group)
    return report.add("vsock", Severity::problem, {},
                      what + ". " + user + " is in group " + vsock.group +
                          " since a moment ago, which counts from the next login on: end all sessions, or reboot");
  if (vsock.group_may_use && !vsock.in_group)
    return report.add("vsock", Severity::problem, {},
                      what + ". Group " + vsock.group + " may, and " + user +
                          " is not in it (the change counts from the next login on)",
                      "sudo usermod -aG " + vsock.group + " " + shell_word(user));
  report.add("vsock", Severity::problem, {}, what, kUdevRule);
}

/// The host is in one network with it, and reaches it by its address.
bool is_bridged(const Picture& picture, const CheckedVm& checked) {
  return std::ranges::any_of(checked.vm.networks,
                             [&](const Network& network) { return attached_to(picture, network).type == "bridge"; });
}

void check_agent(const Picture& picture, Report& report) {
  bool fine = true;
  for (const auto& checked : picture.vms) {
    if (checked.domain.uuid.empty() || checked.domain.agent_channel || !is_bridged(picture, checked)) continue;
    fine = false;
    report.add("guest-agent", Severity::note, checked.vm.name,
               "it has no channel for the guest agent, so that its address is known only while the host talks to it; "
               "with the channel, the guest needs the package qemu-guest-agent as well",
               !checked.vm.persistent
                   ? ""
                   : "echo \"<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/>"
                     "</channel>\" | virsh -c qemu:///session attach-device " +
                         shell_word(checked.vm.name) + " /dev/stdin --config");
  }
  if (fine) report.ok("guest-agent", "no VM on a bridge lacks a channel for the guest agent");
}

}  // namespace

void check_reach(const Picture& picture, Report& report) {
  check_vsock(picture, report);
  check_agent(picture, report);
}

}  // namespace virtsession
