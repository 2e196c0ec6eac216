// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/daemon_choice.hpp"

#include "util/build_config.hpp"

#include <unistd.h>

namespace virtsession {
namespace {

constexpr const char* kLibvirtdName = "libvirtd";
constexpr const char* kVirtqemudName = "virtqemud";

}  // namespace

DaemonFacts read_daemon_facts(const std::string& runtime_dir) {
  const auto there = [](const std::string& path, int mode) { return access(path.c_str(), mode) == 0; };
  const auto sockets = runtime_dir + "/libvirt/";
  return {.has_libvirtd = there(build::kLibvirtd, X_OK),
          .has_virtqemud = there(build::kVirtqemud, X_OK),
          .libvirtd_socket = there(sockets + "libvirt-sock", F_OK),
          .virtqemud_socket = there(sockets + "virtqemud-sock", F_OK),
          .built_in = std::string(build::kDefaultDaemon)};
}

std::string choose_daemon(LibvirtDaemonChoice wanted, const DaemonFacts& facts) {
  switch (wanted) {
    case LibvirtDaemonChoice::libvirtd:
      return kLibvirtdName;
    case LibvirtDaemonChoice::virtqemud:
      return kVirtqemudName;
    case LibvirtDaemonChoice::automatic:
      break;
  }
  if (facts.has_libvirtd != facts.has_virtqemud) return facts.has_libvirtd ? kLibvirtdName : kVirtqemudName;
  if (facts.virtqemud_socket) return kVirtqemudName;
  if (facts.libvirtd_socket) return kLibvirtdName;
  return facts.built_in;
}

}  // namespace virtsession
