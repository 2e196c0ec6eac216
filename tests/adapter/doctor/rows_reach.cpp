// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check_row.hpp"

#include <cerrno>
#include <optional>
#include <utility>

namespace virtsession::test {
namespace {

using S = Severity;

void vsock(DoctorFacts& facts, int error) {
  facts.domains[0].vsock = true;
  facts.vsock.error = error;
  facts.vsock.group = "kvm";
  facts.vsock.group_may_use = true;
}

void forward(DoctorFacts& facts, const std::string& spec) {
  facts.domains[0].policy_text = "{\"ports\": [\"" + spec + "\"]}";
}

/// Nobody listens at a port but that process.
void listener(DoctorFacts& facts, const HostPort& host, std::optional<PortHolder> holder, uid_t uid = 1000) {
  facts.listeners = {{host, uid, 1, std::move(holder)}};
}

std::vector<CheckRow> port_rows() {
  return {
      {"well", [](auto&) {}, "port-free", S::ok, "", "no port of this machine is to lead to a VM", ""},
      {"free",
       [](auto& facts) {
         forward(facts, "2222:22");
         listener(facts, {.port = 2223}, PortHolder{12, "nginx"});
       },
       "port-free", S::ok, "", "1 port of this machine may lead to VMs", ""},
      {"QEMU itself has it",
       [](auto& facts) {
         forward(facts, "2222:22");
         listener(facts, {.port = 2222}, PortHolder{80, "qemu-system-x86"});
       },
       "port-free", S::ok, "", "1 port", ""},
      {"its passt has it",
       [](auto& facts) {
         forward(facts, "2222:22");
         listener(facts, {.port = 2222}, PortHolder{81, "passt.avx2"});
       },
       "port-free", S::ok, "", "1 port", ""},
      {"taken",
       [](auto& facts) {
         forward(facts, "2222:22");
         listener(facts, {"0.0.0.0", 2222}, PortHolder{12, "nginx"});
       },
       "port-free", S::warning, "web",
       "127.0.0.1:2222/tcp, which is to lead to port 22 of the guest, is taken by nginx (pid 12)", ""},
      {"taken by another user",
       [](auto& facts) {
         forward(facts, "2222:22/udp");
         listener(facts, {.port = 2222, .protocol = PortProtocol::udp}, std::nullopt, 0);
       },
       "port-free", S::warning, "web", "is taken by a process of root", ""},
      {"taken by another VM",
       [](auto& facts) {
         forward(facts, "2222:22");
         facts.qemus.push_back({90, "uuid-of-db", "db", "", QemuProcess::Owner::this_libvirt});
         listener(facts, {.port = 2222}, PortHolder{90, "qemu-system-x86"});
       },
       "port-free", S::warning, "web", "is taken by VM \"db\"", ""},
      {"any will do",
       [](auto& facts) {
         forward(facts, "auto:22");
         listener(facts, {.port = 2222}, PortHolder{12, "nginx"});
       },
       "port-free", S::ok, "", "1 port", ""},
      {"none", [](auto&) {}, "forward-answers", S::ok, "", "no port of this machine leads to a VM now", ""},
      {"a service that waits for its client",
       [](auto& facts) {
         forward(facts, "2222:22");
         facts.forwards = {{{.port = 2222}, ForwardAnswer::silent}};
       },
       "forward-answers", S::ok, "", "no guest refuses what comes by 1 port", ""},
      {"nobody listens in the guest",
       [](auto& facts) {
         forward(facts, "2222:22");
         facts.forwards = {{{.port = 2222}, ForwardAnswer::closed}};
       },
       "forward-answers", S::warning, "web",
       "127.0.0.1:2222/tcp leads to port 22 of the guest, and a connection is closed at once", ""},
      {"well", [](auto&) {}, "port-allowed", S::ok, "", "ports from 1024 on", ""},
      {"root's", [](auto& facts) { forward(facts, "80:80"); }, "port-allowed", S::problem, "web",
       "127.0.0.1:80/tcp, which is to lead to port 80 of the guest, is below net.ipv4.ip_unprivileged_port_start "
       "(1024): only root may listen there",
       "echo 'net.ipv4.ip_unprivileged_port_start = 80' | sudo tee /etc/sysctl.d/60-ports.conf && sudo sysctl "
       "--system"},
      {"root's, and this machine allows it",
       [](auto& facts) {
         forward(facts, "80:80");
         facts.first_user_port = 80;
       },
       "port-allowed", S::ok, "", "ports from 80 on", ""},
  };
}

std::vector<CheckRow> device_rows() {
  return {
      {"nobody has one", [](auto& facts) { facts.vsock.error = EACCES; }, "vsock", S::ok, "", "no VM has a vsock", ""},
      {"well", [](auto& facts) { vsock(facts, 0); }, "vsock", S::ok, "", "can be opened; web may use it", ""},
      {"a user who has KVM by the seat alone", [](auto& facts) { vsock(facts, EACCES); }, "vsock", S::problem, "",
       "/dev/vhost-vsock cannot be opened: Permission denied; web has a vsock and cannot start. Group kvm may, and ann "
       "is not in it",
       "sudo usermod -aG kvm ann"},
      {"in the group since the last login",
       [](auto& facts) {
         vsock(facts, EACCES);
         facts.vsock.in_group = true;
       },
       "vsock", S::problem, "", "from the next login on", ""},
      {"a device for root alone",
       [](auto& facts) {
         vsock(facts, EACCES);
         facts.vsock.group_may_use = false;
       },
       "vsock", S::problem, "", "Permission denied",
       "echo 'KERNEL==\"vhost-vsock\", TAG+=\"uaccess\"' | sudo tee /etc/udev/rules.d/70-vhost-vsock.rules && sudo "
       "udevadm control --reload && sudo udevadm trigger --action=add --name-match=vhost-vsock"},
      {"no driver", [](auto& facts) { vsock(facts, ENOENT); }, "vsock", S::problem, "", "No such file",
       "sudo modprobe vhost_vsock"},
      {"another error", [](auto& facts) { vsock(facts, EBUSY); }, "vsock", S::problem, "", "busy", ""},
      {"well", [](auto&) {}, "guest-agent", S::ok, "", "no VM on a bridge lacks", ""},
      {"none", [](auto& facts) { facts.domains[0].agent_channel = false; }, "guest-agent", S::note, "web",
       "no channel for the guest agent",
       "echo \"<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>\" | virsh -c "
       "qemu:///session attach-device web /dev/stdin --config"},
      {"none, and its ports are forwarded",
       [](auto& facts) {
         facts.domains[0].agent_channel = false;
         facts.domains[0].networks = {{"user", "slirp", ""}};
       },
       "guest-agent", S::ok, "", "no VM", ""},
  };
}

}  // namespace

std::vector<CheckRow> reach_rows() {
  auto rows = device_rows();
  for (auto& row : port_rows()) rows.push_back(row);
  return rows;
}

}  // namespace virtsession::test
