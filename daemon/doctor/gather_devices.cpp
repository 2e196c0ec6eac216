// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/gatherers.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace virtsession {
namespace {

std::string group_name(gid_t gid) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(65536);
  if (getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return std::to_string(gid);
  return found->gr_name;
}

/// The groups that the database gives the user, which need not be this process's.
std::vector<gid_t> groups_of(const std::string& user) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (getgrouplist(user.c_str(), getegid(), groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    if (getgrouplist(user.c_str(), getegid(), groups.data(), &count) < 0) return {};
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

DeviceGroup read_device_group(const std::string& device, const MachineFacts& machine) {
  DeviceGroup facts;
  struct stat status {};
  if (stat(device.c_str(), &status) < 0) return facts;
  facts.group = group_name(status.st_gid);
  facts.group_may_use = (status.st_mode & (S_IRGRP | S_IWGRP)) == (S_IRGRP | S_IWGRP);
  facts.in_group = std::ranges::count(groups_of(machine.user), status.st_gid) > 0;
  facts.session_in_group = group_member(status.st_gid) != 0;
  return facts;
}

VsockFacts gather_vsock(const GatherOptions& options, const MachineFacts& machine) {
  VsockFacts facts;
  facts.error = access(options.vsock_device.c_str(), R_OK | W_OK) == 0 ? 0 : errno;
  static_cast<DeviceGroup&>(facts) = read_device_group(options.vsock_device, machine);
  return facts;
}

}  // namespace virtsession
