// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/list_text.hpp"
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace virtsession {
namespace {

constexpr const char* kConf = "/etc/qemu/bridge.conf";
constexpr const char* kTun = "/dev/net/tun";
/// What libvirt's own default network is called.
constexpr const char* kDefaultBridge = "virbr0";

struct BridgeUse {
  std::string vm;
  std::string bridge;
};

std::vector<BridgeUse> uses(const Picture& picture) {
  std::vector<BridgeUse> found;
  for (const auto& checked : picture.vms)
    for (const auto& each : checked.vm.networks)
      if (const auto network = attached_to(picture, each); network.type == "bridge" && !network.source.empty())
        found.push_back({checked.vm.name, network.source});
  return found;
}

/// Whether a rule allows, or denies, the bridge. To the helper a denial always wins, and what is not allowed is denied.
bool has_rule(const std::vector<BridgeRule>& rules, bool allow, const std::string& bridge) {
  return std::ranges::any_of(rules, [&](const BridgeRule& rule) {
    return rule.allow == allow && (rule.bridge == "all" || rule.bridge == bridge);
  });
}

std::string setuid_command(Distribution distribution, const std::string& helper) {
  const std::string path = shell_word(helper);
  // Debian's package manager would undo a plain chmod at the next upgrade.
  if (distribution == Distribution::debian)
    return "sudo dpkg-statoverride --update --force-statoverride-add --add root root 4755 " + path;
  return "sudo chown root " + path + " && sudo chmod 4755 " + path;
}

void check_helper(const Picture& picture, bool used, Report& report) {
  const auto& network = picture.facts.network;
  const auto severity = used ? Severity::problem : Severity::note;
  const std::string consequence = used ? ": VMs on a bridge cannot start" : "; no VM is on a bridge";
  if (network.helper.empty())
    return report.add(
        "bridge-helper", severity, {}, "qemu-bridge-helper is not installed" + consequence,
        install_command(picture.facts.machine.distribution, {"qemu-system-common", "qemu-common", "qemu-common"}));
  if (!network.helper_setuid_root && !network.helper_has_net_admin)
    return report.add("bridge-helper", severity, {},
                      network.helper + " is neither setuid root nor has it CAP_NET_ADMIN" + consequence,
                      setuid_command(picture.facts.machine.distribution, network.helper));
  if (network.helper_nosuid)
    return report.add(
        "bridge-helper", severity, {},
        network.helper + " lies on a file system that is mounted nosuid, so its rights do not count" + consequence);
  report.ok("bridge-helper", network.helper + (network.helper_setuid_root ? " is setuid root" : " has CAP_NET_ADMIN"));
}

/// The helper drops all rights but CAP_NET_ADMIN before it opens the device, so the device's own mode decides.
void check_tun(const Picture& picture, bool used, Report& report) {
  const auto& error = picture.facts.network.tun_error;
  if (!error) return;
  if (*error == 0) return report.ok("bridge-tun", std::string(kTun) + " can be opened");
  const auto severity = used ? Severity::problem : Severity::note;
  if (*error == ENOENT || *error == ENODEV)
    return report.add("bridge-tun", severity, {}, std::string(kTun) + " does not exist: the kernel's driver is missing",
                      "sudo modprobe tun");
  report.add("bridge-tun", severity, {},
             std::string(kTun) + ": " + std::strerror(*error) + ". The bridge helper opens it as this user",
             *error == EACCES ? std::string("sudo chmod 666 ") + kTun : "");
}

std::string allow_command(const std::string& bridge) {
  return "sudo mkdir -p /etc/qemu && echo " + shell_word("allow " + bridge) + " | sudo tee -a " + kConf;
}

std::string rules_text(const std::vector<BridgeRule>& rules) {
  std::vector<std::string> words;
  words.reserve(rules.size());
  for (const auto& rule : rules) words.push_back((rule.allow ? "allow " : "deny ") + rule.bridge);
  return words.empty() ? "nothing" : list_text(words);
}

void check_allowed(const Picture& picture, const std::vector<BridgeUse>& used, Report& report) {
  const auto& network = picture.facts.network;
  const auto severity = used.empty() ? Severity::note : Severity::problem;
  if (network.acl == NetworkFacts::Acl::missing)
    return report.add("bridge-allowed", severity, {},
                      std::string(kConf) + " does not exist: the bridge helper allows no bridge to anybody",
                      allow_command(used.empty() ? kDefaultBridge : used.front().bridge));
  if (network.acl == NetworkFacts::Acl::unreadable) {
    // A helper that is root reads it all the same; one with a capability reads it as this user.
    if (network.helper_setuid_root)
      return report.add("bridge-allowed", Severity::note, {},
                        std::string(kConf) + " cannot be read by this user, so which bridges it allows is not known");
    return report.add("bridge-allowed", severity, {},
                      std::string(kConf) + " cannot be read by this user, and so not by the bridge helper either",
                      std::string("sudo chmod 644 ") + kConf);
  }
  bool fine = true;
  for (const auto& use : used) {
    const bool denied = has_rule(network.rules, false, use.bridge);
    if (!denied && has_rule(network.rules, true, use.bridge)) continue;
    fine = false;
    report.add("bridge-allowed", Severity::problem, use.vm,
               "it is on bridge " + use.bridge + ", which " + kConf + (denied ? " denies" : " does not allow") + " (" +
                   rules_text(network.rules) + ")",
               denied ? "sudo sed -i -E 's/^ *deny +(" + use.bridge + "|all)$/#&/' " + kConf + " && " +
                            allow_command(use.bridge)
                      : allow_command(use.bridge));
  }
  if (fine) report.ok("bridge-allowed", std::string(kConf) + " has: " + rules_text(network.rules));
}

std::string create_command(const std::string& bridge) {
  if (bridge == kDefaultBridge)
    return "sudo virsh -c qemu:///system net-start default && sudo virsh -c qemu:///system net-autostart default";
  return "sudo ip link add name " + shell_word(bridge) + " type bridge && sudo ip link set " + shell_word(bridge) +
         " up";
}

void check_exists(const Picture& picture, const std::vector<BridgeUse>& used, Report& report) {
  const auto& bridges = picture.facts.network.bridges;
  const std::vector<std::string> names(bridges.begin(), bridges.end());
  bool fine = true;
  for (const auto& use : used) {
    if (bridges.contains(use.bridge)) continue;
    fine = false;
    report.add("bridge-exists", Severity::problem, use.vm,
               "it is on bridge " + use.bridge + ", which does not exist; there is " +
                   (names.empty() ? "none" : list_text(names)),
               create_command(use.bridge));
  }
  if (fine)
    report.ok("bridge-exists", names.empty() ? "there are no bridges, and no VM is on one"
                                             : "bridges on this machine: " + list_text(names));
}

}  // namespace

void check_bridges(const Picture& picture, Report& report) {
  const auto used = uses(picture);
  check_helper(picture, !used.empty(), report);
  check_tun(picture, !used.empty(), report);
  check_allowed(picture, used, report);
  check_exists(picture, used, report);
}

}  // namespace virtsession
