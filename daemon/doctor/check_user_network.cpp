// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <algorithm>

namespace virtsession {
namespace {

constexpr unsigned long kFirstPasst = 9000000;
/// Debian 12 has passt taken out of libvirt 9.0.0 (its patch Disable-passt-support).
constexpr unsigned long kDebianWithoutPasst = 9000000;

bool uses_backend(const CheckedVm& checked, const std::string& backend) {
  return std::ranges::any_of(checked.vm.networks, [&](const Network& network) {
    return (network.type == "user" || network.type == "vhostuser") && network.source == backend;
  });
}

std::vector<std::string> users_of(const Picture& picture, const std::string& backend) {
  return names_of(picture, [&](const CheckedVm& checked) { return uses_backend(checked, backend); });
}

std::string used_by(const std::vector<std::string>& vms) {
  if (vms.empty()) return "; no VM uses it";
  return "; " + list_text(vms) + (vms.size() == 1 ? " needs" : " need") + " it";
}

bool libvirt_has_passt(const Picture& picture) {
  const auto version = picture.facts.libvirt.version;
  const bool taken_out = picture.facts.machine.distribution == Distribution::debian && version == kDebianWithoutPasst;
  return version >= kFirstPasst && !taken_out;
}

void check_slirp(const Picture& picture, Report& report) {
  const auto& has = picture.facts.network.qemu_user;
  if (!has) return;
  const auto vms = users_of(picture, "slirp");
  if (*has) return report.ok("slirp", "QEMU has built-in user networking (slirp)");
  const bool other_way = libvirt_has_passt(picture);
  report.add("slirp", vms.empty() ? Severity::note : Severity::problem, {},
             "this QEMU was built without user networking (slirp)" + used_by(vms) +
                 (other_way && !vms.empty() ? ", or <backend type='passt'/> in the interface" : ""),
             other_way && picture.facts.network.passt.empty()
                 ? install_command(picture.facts.machine.distribution, {"passt", "passt", "passt"})
                 : "");
}

/// AppArmor's way to say that a profile is not to be used; aa-disable does the same.
std::string disable_profile() {
  return "sudo ln -s /etc/apparmor.d/usr.bin.passt /etc/apparmor.d/disable/ && sudo apparmor_parser -R "
         "/etc/apparmor.d/usr.bin.passt";
}

void check_passt(const Picture& picture, Report& report) {
  const auto& network = picture.facts.network;
  const auto vms = users_of(picture, "passt");
  const auto severity = vms.empty() ? Severity::note : Severity::problem;
  const auto version = picture.facts.libvirt.version;
  if (version == 0) return;
  if (!libvirt_has_passt(picture))
    return report.add("passt", severity, {},
                      "libvirt " + version_text(version) +
                          (version < kFirstPasst ? " is older than 9.0, the first with passt"
                                                 : " of Debian 12 has passt switched off") +
                          used_by(vms));
  if (network.passt.empty())
    return report.add("passt", severity, {}, "passt is not installed" + used_by(vms),
                      install_command(picture.facts.machine.distribution, {"passt", "passt", "passt"}));
  if (network.qemu_stream == false)
    return report.add("passt", severity, {}, "this QEMU is older than 7.2 and cannot talk to passt" + used_by(vms));
  if (network.passt_profile && !network.passt_profile_fits)
    return report.add(
        "passt", vms.empty() ? Severity::note : Severity::warning, {},
        "AppArmor's profile of passt does not let it make its socket where libvirt's session wants it" + used_by(vms),
        disable_profile());
  if (network.passt_rules_missing)
    return report.add("passt", vms.empty() ? Severity::note : Severity::warning, {},
                      "AppArmor's profile of libvirt takes what passt may do from /etc/apparmor.d/abstractions/passt, "
                      "which is missing" +
                          used_by(vms),
                      picture.facts.machine.distribution == Distribution::debian
                          ? "sudo apt install --reinstall -o Dpkg::Options::=--force-confmiss passt && sudo "
                            "apparmor_parser -r /etc/apparmor.d/usr.sbin.libvirtd"
                          : "");
  report.ok("passt", network.passt + " is there, and libvirt " + version_text(version) + " can use it");
}

void check_ping(const Picture& picture, Report& report) {
  const auto& may = picture.facts.network.may_ping;
  if (!may) return;
  const auto vms = names_of(picture, [](const CheckedVm& checked) { return has_network(checked, "user"); });
  if (vms.empty() || *may)
    return report.ok("user-ping", *may ? "guests with user networking can ping other machines"
                                       : "no VM has user networking, in which guests could not ping here");
  report.add("user-ping", Severity::note, {},
             "guests with user networking (" + list_text(vms) +
                 ") cannot ping: net.ipv4.ping_group_range has no group of " + picture.facts.machine.user,
             "echo 'net.ipv4.ping_group_range = 0 2147483647' | sudo tee /etc/sysctl.d/60-ping.conf && sudo sysctl "
             "--system");
}

/// One interface, and what it cannot do. What cannot work at all in a session is a problem.
struct Judgement {
  Severity severity;
  std::string text;
  std::string fix;
};

const SessionNetwork* bridge_network(const Picture& picture, const Network& network) {
  for (const auto& each : picture.facts.session_networks)
    if (network.type == "network" && each.name == network.source && each.forward == "bridge" && !each.bridge.empty())
      return &each;
  return nullptr;
}

/// Such a network has no device of its own to be made, which is all that a user lacks for others.
Judgement judge(const SessionNetwork& network) {
  const std::string seen = "libvirt network \"" + network.name + "\", bridge " + network.bridge;
  if (!network.active)
    return {Severity::problem, seen + ": the network is off, and the VM cannot start",
            virsh_command("net-start", network.name)};
  if (!network.autostart)
    return {Severity::warning, seen + ": the network is off after the next login, and the VM cannot start then",
            virsh_command("net-autostart", network.name)};
  return {Severity::ok, seen + ": a full member of the bridge's network", ""};
}

/// A VM could have passt in the place of slirp.
bool passt_would_serve(const Picture& picture) {
  const auto& network = picture.facts.network;
  const bool confined = (network.passt_profile && !network.passt_profile_fits) || network.passt_rules_missing;
  return libvirt_has_passt(picture) && !network.passt.empty() && network.qemu_stream != false && !confined;
}

Judgement judge(const Picture& picture, const Network& network, const std::string& vm) {
  const std::string edit = virsh_command("edit", vm);
  if ((network.type == "user" || network.type == "vhostuser") && network.source == "passt")
    return {Severity::note,
            "user networking through passt: it reaches the network with the host's addresses; nothing can connect to "
            "it but by ports of the host (policy key ports), which its next start forwards",
            ""};
  if (network.type == "user")
    return {
        Severity::note,
        std::string("user networking (slirp): it reaches the network; nothing can connect to it but by ports of "
                    "the host (policy key ports), other VMs neither, and it is slow") +
            (passt_would_serve(picture) ? "; passt, which is here, is faster: <backend type='passt'/> in the interface"
                                        : ""),
        passt_would_serve(picture) ? edit : ""};
  if (network.type == "bridge")
    return {Severity::ok, "bridge " + network.source + ": a full member of that network", ""};
  if (network.type == "network")
    return {Severity::problem,
            "libvirt network \"" + network.source +
                "\": a session has no networks that a user may start, but those that only name a bridge (<forward "
                "mode='bridge'/>); use <interface type='bridge'><source bridge='virbr0'/> or <interface type='user'>",
            edit};
  if (network.type == "direct")
    return {Severity::problem, "macvtap on " + network.source + ": a session may not make one; use a bridge", edit};
  return {Severity::ok, "interface of type " + network.type, ""};
}

void check_vms(const Picture& picture, Report& report) {
  for (const auto& [vm, domain] : picture.vms) {
    if (vm.networks.empty()) report.add("vm-network", Severity::ok, vm.name, "it has no network interface");
    for (const auto& network : vm.networks) {
      const auto* const bridged = bridge_network(picture, network);
      auto seen = bridged ? judge(*bridged) : judge(picture, network, vm.name);
      report.add("vm-network", seen.severity, vm.name, std::move(seen.text), std::move(seen.fix));
    }
  }
}

}  // namespace

Network attached_to(const Picture& picture, const Network& network) {
  const auto* const bridged = bridge_network(picture, network);
  return bridged ? Network{"bridge", bridged->bridge, network.mac} : network;
}

void check_user_network(const Picture& picture, Report& report) {
  check_slirp(picture, report);
  check_passt(picture, report);
  check_ping(picture, report);
  check_vms(picture, report);
}

}  // namespace virtsession
