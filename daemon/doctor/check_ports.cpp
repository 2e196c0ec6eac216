// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/checks.hpp"
#include "doctor/words.hpp"

#include <algorithm>

// Ports of this machine that lead to one of a guest.

namespace virtsession {
namespace {

/// "VM db", or as the process is called.
std::string taker(const Picture& picture, const PortListener& listener) {
  for (const auto& qemu : picture.facts.qemus)
    if (listener.holder && qemu.pid == listener.holder->pid) return "VM \"" + qemu.name + "\"";
  return holder_text(listener);
}

std::string what(const PortSpec& spec) {
  return to_text(spec.host) + ", which is to lead to port " + std::to_string(spec.guest_port) + " of the guest, ";
}

void check_free(const Picture& picture, Report& report) {
  std::size_t wanted = 0;
  bool fine = true;
  for (const auto& checked : picture.vms) {
    for (const auto& spec : checked.vm.ports) {
      ++wanted;
      const auto taken = std::ranges::find_if(picture.facts.listeners, [&](const PortListener& listener) {
        return overlap(spec.host, listener.host) && !is_of_vm(picture, checked, listener);
      });
      if (taken == picture.facts.listeners.end()) continue;
      fine = false;
      report.add("port-free", Severity::warning, checked.vm.name,
                 what(spec) + "is taken by " + taker(picture, *taken) +
                     "; it is tried again while the VM runs. Another port, or auto, in the policy key ports is free");
    }
  }
  if (fine)
    report.ok("port-free", wanted == 0 ? "no port of this machine is to lead to a VM"
                                       : count_text(wanted, "port") + " of this machine may lead to VMs");
}

void check_allowed(const Picture& picture, Report& report) {
  const auto& first = picture.facts.first_user_port;
  if (!first) return;
  bool fine = true;
  for (const auto& checked : picture.vms) {
    for (const auto& spec : checked.vm.ports) {
      if (spec.host.port == 0 || spec.host.port >= *first || picture.facts.machine.uid == 0) continue;
      fine = false;
      report.add("port-allowed", Severity::problem, checked.vm.name,
                 what(spec) + "is below net.ipv4.ip_unprivileged_port_start (" + std::to_string(*first) +
                     "): only root may listen there",
                 "echo 'net.ipv4.ip_unprivileged_port_start = " + std::to_string(spec.host.port) +
                     "' | sudo tee /etc/sysctl.d/60-ports.conf && sudo sysctl --system");
    }
  }
  if (fine) report.ok("port-allowed", "ports from " + std::to_string(*first) + " on may lead to VMs");
}

void check_answers(const Picture& picture, Report& report) {
  bool fine = true;
  for (const auto& checked : picture.vms) {
    for (const auto& spec : checked.vm.ports) {
      const auto forward = std::ranges::find(picture.facts.forwards, spec.host, &ForwardFacts::host);
      if (forward == picture.facts.forwards.end() || forward->answer != ForwardAnswer::closed) continue;
      fine = false;
      report.add("forward-answers", Severity::warning, checked.vm.name,
                 to_text(spec.host) + " leads to port " + std::to_string(spec.guest_port) +
                     " of the guest, and a connection is closed at once: nothing in the guest listens there, or it "
                     "listens at the guest's own 127.0.0.1 alone");
    }
  }
  const auto count = picture.facts.forwards.size();
  if (fine)
    report.ok("forward-answers", count == 0 ? "no port of this machine leads to a VM now"
                                            : "no guest refuses what comes by " + count_text(count, "port"));
}

}  // namespace

// A passt lets nobody look into it.
bool is_of_vm(const Picture& picture, const CheckedVm& checked, const PortListener& listener) {
  if (!checked.vm.active) return false;
  if (!listener.holder) return listener.uid == picture.facts.machine.uid;
  if (listener.holder->name.starts_with("passt")) return true;
  return std::ranges::any_of(picture.facts.qemus, [&](const QemuProcess& qemu) {
    return qemu.pid == listener.holder->pid && qemu.uuid == checked.vm.uuid;
  });
}

void check_ports(const Picture& picture, Report& report) {
  check_free(picture, report);
  check_allowed(picture, report);
  check_answers(picture, report);
}

}  // namespace virtsession
