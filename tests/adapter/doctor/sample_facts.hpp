// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "doctor/diagnose.hpp"
#include "doctor/facts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace virtsession::test {

inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

inline UnitFacts enabled_unit(const std::string& name) { return {name, "loaded", "active", "", "enabled", "", ""}; }
inline UnitFacts static_unit(const std::string& name) { return {name, "loaded", "active", "", "static", "", ""}; }

inline ImageFacts good_image() {
  ImageFacts image;
  image.path = "/home/ann/web.qcow2";
  image.target = "vda";
  image.format = "qcow2";
  image.capacity = 20 * kGiB;
  image.allocated = 10 * kGiB;
  image.filesystem = FilesystemFacts{"/home", "ext4", false, 100 * kGiB};
  return image;
}

inline DomainFacts good_domain() {
  DomainFacts domain;
  domain.uuid = "6b4fb538-b287-4a87-a3f3-5d2335f1c9aa";
  domain.name = "web";
  domain.type = "kvm";
  domain.active = true;
  domain.autostart = true;
  domain.memory_kib = 1024 * 1024;
  domain.networks = {{"bridge", "virbr0", ""}};
  domain.agent_channel = true;
  domain.images = {good_image()};
  return domain;
}

inline NetworkFacts good_network() {
  NetworkFacts network;
  network.helper = "/usr/lib/qemu/qemu-bridge-helper";
  network.helper_setuid_root = true;
  network.tun_error = 0;
  network.acl = NetworkFacts::Acl::read;
  network.rules = {{true, "virbr0"}};
  network.bridges = {"virbr0"};
  network.passt = "/usr/bin/passt";
  network.qemu_user = true;
  network.qemu_stream = true;
  network.may_ping = true;
  return network;
}

inline LimitFacts good_limits() {
  LimitFacts limits;
  limits.owner = "libvirt's daemon (pid 70)";
  limits.open_files_soft = 1024;
  limits.open_files_hard = 524288;
  limits.locked_memory = 8 * kMiB;
  limits.file_size = kUnlimited;
  limits.core = kUnlimited;
  limits.processes = 1000;
  limits.slices = {{"user-1000.slice", kUnlimited, 10000, 100}};
  return limits;
}

/// A machine of Ann's on which everything is well, with one VM, "web". Nothing but `ok` comes of it, save that she does
/// not linger.
inline DoctorFacts healthy() {
  DoctorFacts facts;
  facts.machine = {Distribution::debian, 1000, "ann", "/home/ann/.config", "/run/user/1000", 1800000000};
  facts.user_manager.units = {enabled_unit("virtsessiond.service"), enabled_unit("virtsession-libvirtd.socket"),
                              static_unit("virtsession-libvirtd.service")};
  facts.user_manager.linger = true;
  facts.user_manager.stop_budget_usec = 120000000;
  facts.libvirt.default_daemon = "libvirtd";
  facts.libvirt.libvirtd = "/usr/sbin/libvirtd";
  facts.libvirt.sockets = {{"virtqemud", "/run/user/1000/libvirt/virtqemud-sock", SocketState::absent, 0},
                           {"libvirtd", "/run/user/1000/libvirt/libvirt-sock", SocketState::listening, 70},
                           {"virtlogd", "/run/user/1000/libvirt/virtlogd-sock", SocketState::listening, 0}};
  facts.libvirt.processes = {{"libvirtd", 70, "virtsession-libvirtd.service", true}};
  facts.libvirt.answer = LibvirtFacts::Answer::answered;
  facts.libvirt.version = 11003000;
  facts.qemu = "/usr/bin/qemu-system-x86_64";
  facts.qemu_img = "/usr/bin/qemu-img";
  facts.kvm.outcome = KvmFacts::Outcome::works;
  facts.kvm.cpu_flag = "vmx";
  facts.kvm.group = "kvm";
  facts.network = good_network();
  facts.limits = good_limits();
  facts.qemus = {{80, "6b4fb538-b287-4a87-a3f3-5d2335f1c9aa", "web", "virtsession-vm-web.scope",
                  QemuProcess::Owner::this_libvirt}};
  facts.domains_from_libvirt = true;
  facts.first_user_port = 1024;
  facts.domains = {good_domain()};
  return facts;
}

/// What virtsessiond would add to healthy().
inline SupervisedFacts supervised() {
  SupervisedFacts facts;
  SupervisedVm vm;
  vm.uuid = good_domain().uuid;
  vm.name = "web";
  vm.active = true;
  vm.autostart = true;
  vm.networks = good_domain().networks;
  vm.scope = "virtsession-vm-web.scope";
  vm.stop_end_sec = 60;
  facts.vms = {vm};
  facts.libvirt_daemon = "libvirtd";
  facts.libvirt_connected = true;
  facts.libvirt_managed = true;
  facts.stop_budget_usec = 120000000;
  facts.linger = true;
  return facts;
}

inline std::vector<Finding> of(const std::vector<Finding>& findings, const std::string& id) {
  std::vector<Finding> found;
  std::ranges::copy_if(findings, std::back_inserter(found), [&](const Finding& finding) { return finding.id == id; });
  return found;
}

/// The one finding of a check.
inline Finding only(const DoctorFacts& facts, const std::string& id) {
  const auto found = of(diagnose(facts), id);
  REQUIRE(found.size() == 1);
  return found[0];
}

/// A check's findings with that in their text. For what other processes of this machine have findings of, too.
inline std::vector<Finding> about(const DoctorFacts& facts, const std::string& id, const std::string& text) {
  auto found = of(diagnose(facts), id);
  std::erase_if(found, [&](const Finding& finding) { return finding.text.find(text) == std::string::npos; });
  return found;
}

}  // namespace virtsession::test

namespace virtsession {

inline std::ostream& operator<<(std::ostream& out, const Finding& finding) {
  return out << to_text(finding.severity) << " " << finding.id << " [" << finding.subject << "] " << finding.text
             << " {" << finding.fix << "}";
}

}  // namespace virtsession
