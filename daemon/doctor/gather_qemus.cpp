// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/domain.hpp"
#include "doctor/gatherers.hpp"
#include "util/session_user.hpp"

#include <algorithm>

namespace virtsession {
namespace {

/// What follows an option; empty when it is not there.
std::string value_of(const std::vector<std::string>& arguments, const std::string& option) {
  const auto found = std::ranges::find(arguments, option);
  return found == arguments.end() || found + 1 == arguments.end() ? std::string() : *(found + 1);
}

/// Of "guest=NAME,debug-threads=on", or of a plain "NAME"; a comma in it is doubled.
std::string name_of(const std::string& value) {
  const std::size_t begin = value.starts_with("guest=") ? 6 : 0;
  std::string name;
  for (std::size_t at = begin; at < value.size(); ++at) {
    if (value[at] == ',' && (at + 1 == value.size() || value[++at] != ',')) break;
    name += value[at];
  }
  return name;
}

bool mentions(const std::vector<std::string>& arguments, const std::string& word) {
  return std::ranges::any_of(arguments, [&](const auto& argument) { return argument.find(word) != std::string::npos; });
}

/// libvirt gives each QEMU a key in a folder of its own, which tells one user's libvirt from that of a sandbox.
QemuProcess::Owner owner_of(const std::vector<std::string>& arguments, const std::string& config_home) {
  const std::string ours = "\"" + config_home + "/libvirt/qemu/lib/";
  if (mentions(arguments, ours) || mentions(arguments, "file=" + ours.substr(1)))
    return QemuProcess::Owner::this_libvirt;
  return mentions(arguments, "master-key.aes") ? QemuProcess::Owner::other_libvirt : QemuProcess::Owner::nobody;
}

}  // namespace

std::vector<QemuProcess> gather_qemus(const MachineFacts& machine, const std::vector<ProcessInfo>& processes) {
  std::vector<QemuProcess> qemus;
  for (const auto& process : processes) {
    if (process.uid != machine.uid) continue;
    const std::string uuid = value_of(process.arguments, "-uuid");
    if (uuid.empty()) continue;
    qemus.push_back({process.pid, canonical_uuid(uuid), name_of(value_of(process.arguments, "-name")), process.unit,
                     owner_of(process.arguments, machine.config_home)});
  }
  return qemus;
}

std::vector<OtherUsersVm> find_vms_of_others(const MachineFacts& machine, const std::vector<ProcessInfo>& processes) {
  std::vector<OtherUsersVm> vms;
  for (const auto& process : processes) {
    // The system's have their files elsewhere, and are asked for by themselves.
    const bool is_of_a_session = mentions(process.arguments, "/libvirt/qemu/lib/");
    if (process.uid == machine.uid || !is_of_a_session) continue;
    vms.push_back({user_name(process.uid), name_of(value_of(process.arguments, "-name"))});
  }
  return vms;
}

}  // namespace virtsession
