// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check_row.hpp"

#include <cerrno>

namespace virtsession::test {
namespace {

using Acl = NetworkFacts::Acl;
using S = Severity;

void only_bridged_network(DoctorFacts& facts, const std::string& bridge, bool active, bool autostart) {
  facts.domains[0].networks = {{"network", "net", ""}};
  facts.session_networks = {{"net", "bridge", bridge, active, autostart}};
}

void only_user_network(DoctorFacts& facts, const std::string& backend) {
  facts.domains[0].networks = {{"user", backend, ""}};
}

std::vector<CheckRow> bridge_rows() {
  return {
      {"well", [](auto&) {}, "bridge-helper", S::ok, "", "is setuid root", ""},
      {"by capability",
       [](auto& facts) {
         facts.network.helper_setuid_root = false;
         facts.network.helper_has_net_admin = true;
       },
       "bridge-helper", S::ok, "", "has CAP_NET_ADMIN", ""},
      {"Debian as it comes", [](auto& facts) { facts.network.helper_setuid_root = false; }, "bridge-helper", S::problem,
       "", "VMs on a bridge cannot start",
       "sudo dpkg-statoverride --update --force-statoverride-add --add root root 4755 "
       "/usr/lib/qemu/qemu-bridge-helper"},
      {"Fedora",
       [](auto& facts) {
         facts.network.helper_setuid_root = false;
         facts.network.helper = "/usr/libexec/qemu-bridge-helper";
         facts.machine.distribution = Distribution::fedora;
       },
       "bridge-helper", S::problem, "", "neither setuid root",
       "sudo chown root /usr/libexec/qemu-bridge-helper && sudo chmod 4755 /usr/libexec/qemu-bridge-helper"},
      {"nobody needs it",
       [](auto& facts) {
         facts.network.helper_setuid_root = false;
         only_user_network(facts, "slirp");
       },
       "bridge-helper", S::note, "", "no VM is on a bridge",
       "sudo dpkg-statoverride --update --force-statoverride-add --add root root 4755 "
       "/usr/lib/qemu/qemu-bridge-helper"},
      {"nosuid", [](auto& facts) { facts.network.helper_nosuid = true; }, "bridge-helper", S::problem, "",
       "mounted nosuid", ""},
      {"not installed", [](auto& facts) { facts.network.helper = ""; }, "bridge-helper", S::problem, "",
       "not installed", "sudo apt install qemu-system-common"},
      {"well", [](auto&) {}, "bridge-tun", S::ok, "", "/dev/net/tun can be opened", ""},
      {"a device for root alone", [](auto& facts) { facts.network.tun_error = EACCES; }, "bridge-tun", S::problem, "",
       "/dev/net/tun: Permission denied", "sudo chmod 666 /dev/net/tun"},
      {"a device for root alone, and no need",
       [](auto& facts) {
         facts.network.tun_error = EACCES;
         only_user_network(facts, "slirp");
       },
       "bridge-tun", S::note, "", "opens it as this user", "sudo chmod 666 /dev/net/tun"},
      {"no driver", [](auto& facts) { facts.network.tun_error = ENOENT; }, "bridge-tun", S::problem, "",
       "does not exist", "sudo modprobe tun"},
      {"a driver that refuses", [](auto& facts) { facts.network.tun_error = EIO; }, "bridge-tun", S::problem, "",
       "Input/output error", ""},
      {"well", [](auto&) {}, "bridge-allowed", S::ok, "", "allow virbr0", ""},
      {"no bridge.conf", [](auto& facts) { facts.network.acl = Acl::missing; }, "bridge-allowed", S::problem, "",
       "does not exist", "sudo mkdir -p /etc/qemu && echo 'allow virbr0' | sudo tee -a /etc/qemu/bridge.conf"},
      {"no bridge.conf, and no need",
       [](auto& facts) {
         facts.network.acl = Acl::missing;
         only_user_network(facts, "slirp");
       },
       "bridge-allowed", S::note, "", "does not exist",
       "sudo mkdir -p /etc/qemu && echo 'allow virbr0' | sudo tee -a /etc/qemu/bridge.conf"},
      {"the helper may read it", [](auto& facts) { facts.network.acl = Acl::unreadable; }, "bridge-allowed", S::note,
       "", "not known", ""},
      {"the helper may not either",
       [](auto& facts) {
         facts.network.acl = Acl::unreadable;
         facts.network.helper_setuid_root = false;
       },
       "bridge-allowed", S::problem, "", "not by the bridge helper", "sudo chmod 644 /etc/qemu/bridge.conf"},
      {"another bridge",
       [](auto& facts) {
         facts.network.rules = {{true, "br0"}};
       },
       "bridge-allowed", S::problem, "web", "on bridge virbr0, which /etc/qemu/bridge.conf does not allow (allow br0)",
       "sudo mkdir -p /etc/qemu && echo 'allow virbr0' | sudo tee -a /etc/qemu/bridge.conf"},
      {"a denial wins",
       [](auto& facts) {
         facts.network.rules = {{true, "all"}, {false, "virbr0"}};
       },
       "bridge-allowed", S::problem, "web", "denies (allow all, deny virbr0)",
       "sudo sed -i -E 's/^ *deny +(virbr0|all)$/#&/' /etc/qemu/bridge.conf && sudo mkdir -p /etc/qemu && echo 'allow "
       "virbr0' | sudo tee -a /etc/qemu/bridge.conf"},
      {"well", [](auto&) {}, "bridge-exists", S::ok, "", "bridges on this machine: virbr0", ""},
      {"libvirt's is down", [](auto& facts) { facts.network.bridges = {}; }, "bridge-exists", S::problem, "web",
       "does not exist",
       "sudo virsh -c qemu:///system net-start default && sudo virsh -c qemu:///system net-autostart default"},
      {"one's own",
       [](auto& facts) {
         facts.domains[0].networks = {{"bridge", "br0", ""}};
       },
       "bridge-exists", S::problem, "web", "on bridge br0, which does not exist; there is virbr0",
       "sudo ip link add name br0 type bridge && sudo ip link set br0 up"},
  };
}

std::vector<CheckRow> user_rows() {
  return {
      {"well", [](auto&) {}, "slirp", S::ok, "", "has built-in", ""},
      {"without, and no need", [](auto& facts) { facts.network.qemu_user = false; }, "slirp", S::note, "",
       "no VM uses it", ""},
      {"without",
       [](auto& facts) {
         facts.network.qemu_user = false;
         facts.network.passt = "";
         only_user_network(facts, "slirp");
       },
       "slirp", S::problem, "", "web needs it, or <backend type='passt'/>", "sudo apt install passt"},
      {"well", [](auto&) {}, "passt", S::ok, "", "libvirt 11.3.0 can use it", ""},
      {"Debian 12", [](auto& facts) { facts.libvirt.version = 9000000; }, "passt", S::note, "",
       "9.0.0 of Debian 12 has passt switched off; no VM uses it", ""},
      {"9.0.0 elsewhere",
       [](auto& facts) {
         facts.libvirt.version = 9000000;
         facts.machine.distribution = Distribution::fedora;
       },
       "passt", S::ok, "", "can use it", ""},
      {"old libvirt", [](auto& facts) { facts.libvirt.version = 8010000; }, "passt", S::note, "", "older than 9.0", ""},
      {"not installed, no need", [](auto& facts) { facts.network.passt = ""; }, "passt", S::note, "", "no VM uses it",
       "sudo apt install passt"},
      {"not installed",
       [](auto& facts) {
         facts.network.passt = "";
         only_user_network(facts, "passt");
       },
       "passt", S::problem, "", "web needs it", "sudo apt install passt"},
      {"old QEMU",
       [](auto& facts) {
         facts.network.qemu_stream = false;
         only_user_network(facts, "passt");
       },
       "passt", S::problem, "", "older than 7.2", ""},
      {"AppArmor",
       [](auto& facts) {
         facts.network.passt_profile = true;
         only_user_network(facts, "passt");
       },
       "passt", S::warning, "", "AppArmor's profile",
       "sudo ln -s /etc/apparmor.d/usr.bin.passt /etc/apparmor.d/disable/ && sudo apparmor_parser -R "
       "/etc/apparmor.d/usr.bin.passt"},
      {"AppArmor's profile of libvirt, without what it takes from passt's package",
       [](auto& facts) {
         facts.network.passt_profile_fits = facts.network.passt_rules_missing = true;
         only_user_network(facts, "passt");
       },
       "passt", S::warning, "", "/etc/apparmor.d/abstractions/passt, which is missing; web needs it",
       "sudo apt install --reinstall -o Dpkg::Options::=--force-confmiss passt && sudo apparmor_parser -r "
       "/etc/apparmor.d/usr.sbin.libvirtd"},
      {"AppArmor's profile fits",
       [](auto& facts) { facts.network.passt_profile = facts.network.passt_profile_fits = true; }, "passt", S::ok, "",
       "can use it", ""},
      {"well", [](auto&) {}, "user-ping", S::ok, "", "can ping", ""},
      {"no ping, and no need", [](auto& facts) { facts.network.may_ping = false; }, "user-ping", S::ok, "", "no VM",
       ""},
      {"no ping",
       [](auto& facts) {
         facts.network.may_ping = false;
         only_user_network(facts, "slirp");
       },
       "user-ping", S::note, "", "(web) cannot ping",
       "echo 'net.ipv4.ping_group_range = 0 2147483647' | sudo tee /etc/sysctl.d/60-ping.conf && sudo sysctl --system"},
      {"a bridge", [](auto&) {}, "vm-network", S::ok, "web", "bridge virbr0: a full member", ""},
      {"none", [](auto& facts) { facts.domains[0].networks = {}; }, "vm-network", S::ok, "web", "no network interface",
       ""},
      {"slirp where passt would serve", [](auto& facts) { only_user_network(facts, "slirp"); }, "vm-network", S::note,
       "web", "other VMs neither, and it is slow; passt, which is here, is faster: <backend type='passt'/>",
       "virsh -c qemu:///session edit web"},
      {"slirp, and libvirt has no passt",
       [](auto& facts) {
         only_user_network(facts, "slirp");
         facts.libvirt.version = 9000000;
       },
       "vm-network", S::note, "web", "by ports of the host (policy key ports), other VMs neither", ""},
      {"slirp, and passt may not work",
       [](auto& facts) {
         only_user_network(facts, "slirp");
         facts.network.passt_profile = true;
       },
       "vm-network", S::note, "web", "by ports of the host (policy key ports), other VMs neither", ""},
      {"passt", [](auto& facts) { only_user_network(facts, "passt"); }, "vm-network", S::note, "web",
       "(policy key ports), which its next start forwards", ""},
      {"a network of the system's",
       [](auto& facts) {
         facts.domains[0].networks = {{"network", "default", ""}};
       },
       "vm-network", S::problem, "web", "a session has no networks", "virsh -c qemu:///session edit web"},
      {"a network of the session's that only names a bridge",
       [](auto& facts) { only_bridged_network(facts, "virbr0", true, true); }, "vm-network", S::ok, "web",
       "libvirt network \"net\", bridge virbr0: a full member", ""},
      {"the same, and its bridge is missing", [](auto& facts) { only_bridged_network(facts, "virbr7", true, true); },
       "bridge-exists", S::problem, "web", "it is on bridge virbr7, which does not exist",
       "sudo ip link add name virbr7 type bridge && sudo ip link set virbr7 up"},
      {"the same, and it is off", [](auto& facts) { only_bridged_network(facts, "virbr0", false, true); }, "vm-network",
       S::problem, "web", "the network is off, and the VM cannot start", "virsh -c qemu:///session net-start net"},
      {"the same, and nothing starts it", [](auto& facts) { only_bridged_network(facts, "virbr0", true, false); },
       "vm-network", S::warning, "web", "off after the next login", "virsh -c qemu:///session net-autostart net"},
      {"vhostuser with passt",
       [](auto& facts) {
         facts.domains[0].networks = {{"vhostuser", "passt", ""}};
       },
       "vm-network", S::note, "web", "user networking through passt", ""},
      {"vhostuser with passt, and no passt",
       [](auto& facts) {
         facts.domains[0].networks = {{"vhostuser", "passt", ""}};
         facts.network.passt = "";
       },
       "passt", S::problem, "", "passt is not installed; web needs it", "sudo apt install passt"},
      {"macvtap",
       [](auto& facts) {
         facts.domains[0].networks = {{"direct", "eth0", ""}};
       },
       "vm-network", S::problem, "web", "macvtap on eth0", "virsh -c qemu:///session edit web"},
  };
}

std::vector<CheckRow> uri_rows() {
  using Answer = SystemLibvirtFacts::Answer;
  return {
      {"well", [](auto&) {}, "uri-default", S::ok, "", "reaches qemu:///session, since it does not run as root", ""},
      {"the environment", [](auto& facts) { facts.uri.libvirt_variable = "qemu:///system"; }, "uri-default", S::warning,
       "", "qemu:///system, by LIBVIRT_DEFAULT_URI in the environment; the 1 VM of the session do not show",
       "export LIBVIRT_DEFAULT_URI=qemu:///session"},
      {"virsh's own variable wins",
       [](auto& facts) {
         facts.uri.virsh_variable = "test:///default";
         facts.uri.libvirt_variable = "qemu:///session";
       },
       "uri-default", S::warning, "", "test:///default, by VIRSH_DEFAULT_CONNECT_URI",
       "unset VIRSH_DEFAULT_CONNECT_URI"},
      {"the user's file", [](auto& facts) { facts.uri.user_conf = "qemu:///system"; }, "uri-default", S::warning, "",
       "by uri_default in /home/ann/.config/libvirt/libvirt.conf",
       "sed -i 's|^ *uri_default *=.*|uri_default = \"qemu:///session\"|' /home/ann/.config/libvirt/libvirt.conf"},
      {"no VMs to miss",
       [](auto& facts) {
         facts.uri.user_conf = "qemu:///system";
         facts.domains = {};
       },
       "uri-default", S::note, "", "reaches qemu:///system",
       "sed -i 's|^ *uri_default *=.*|uri_default = \"qemu:///session\"|' /home/ann/.config/libvirt/libvirt.conf"},
      {"the file that does not count", [](auto& facts) { facts.uri.etc_conf = "qemu:///session"; }, "uri-default",
       S::note, "", "counts for root only, not for ann", ""},
      {"root", [](auto& facts) { facts.machine.uid = 0; }, "uri-default", S::warning, "",
       "qemu:///system, since it runs as root", ""},
      {"nobody else's", [](auto&) {}, "uri-other-users", S::ok, "", "no VM is seen", ""},
      {"root's session",
       [](auto& facts) {
         facts.others_vms = {{"root", "mail"}};
       },
       "uri-other-users", S::note, "",
       "VM \"mail\" runs in the session of root, where virsh looks when it is run with sudo; this user's", ""},
      {"a name that is here, too",
       [](auto& facts) {
         facts.others_vms = {{"bert", "web"}};
       },
       "uri-other-users", S::note, "", "in the session of bert; it is not this user's VM of that name", ""},
      {"none", [](auto&) {}, "uri-system-vms", S::ok, "", "qemu:///system is not there", ""},
      {"empty", [](auto& facts) { facts.uri.system.answer = Answer::answered; }, "uri-system-vms", S::ok, "",
       "has no VMs", ""},
      {"some",
       [](auto& facts) {
         facts.uri.system.answer = Answer::answered;
         facts.uri.system.vms = {"a", "b", "c", "d", "e", "f"};
       },
       "uri-system-vms", S::note, "", "6 VMs (a, b, c, d, e ...)", "virtsessionctl list --system"},
      {"asleep with some",
       [](auto& facts) {
         facts.uri.system.answer = Answer::not_running;
         facts.uri.system.definitions = 2;
       },
       "uri-system-vms", S::note, "", "has 2 VMs defined", "virtsessionctl list --system"},
      {"wants a password, and has some",
       [](auto& facts) {
         facts.uri.system.answer = Answer::failed;
         facts.uri.system.definitions = 1;
       },
       "uri-system-vms", S::note, "", "qemu:///system has 1 VM defined; that is not the session",
       "virtsessionctl list --system"},
      {"wants a password",
       [](auto& facts) {
         facts.uri.system.answer = Answer::failed;
         facts.uri.system.error = "authentication unavailable";
       },
       "uri-system-vms", S::ok, "", "without a password: authentication unavailable", ""},
      {"hangs",
       [](auto& facts) {
         facts.uri.system.answer = Answer::too_late;
         facts.uri.system.socket = "/run/libvirt/libvirt-sock-ro";
       },
       "uri-system-vms", S::warning, "", "libvirt-sock-ro and does not answer", "sudo systemctl restart libvirtd"},
  };
}

}  // namespace

std::vector<CheckRow> network_rows() {
  auto rows = bridge_rows();
  for (auto& row : user_rows()) rows.push_back(row);
  for (auto& row : uri_rows()) rows.push_back(row);
  return rows;
}

}  // namespace virtsession::test
