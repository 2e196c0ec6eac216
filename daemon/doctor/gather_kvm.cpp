// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/gatherers.hpp"
#include "doctor/kvm_probe.hpp"
#include "util/files.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace virtsession {
namespace {

/// "vmx" or "svm", as a word of the first CPU's flags.
std::string virtualisation_flag() {
  const auto text = read_file("/proc/cpuinfo");
  if (!text || !*text) return {};
  const auto begin = (*text)->find("\nflags");
  if (begin == std::string::npos) return {};
  const std::string flags = (*text)->substr(begin, (*text)->find('\n', begin + 1) - begin) + " ";
  for (const char* flag : {"vmx", "svm"})
    if (flags.find(" " + std::string(flag) + " ") != std::string::npos) return flag;
  return {};
}

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

void read_group(const GatherOptions& options, const MachineFacts& machine, KvmFacts& facts) {
  struct stat status {};
  if (stat(options.kvm_device.c_str(), &status) < 0) return;
  facts.group = group_name(status.st_gid);
  facts.group_may_use = (status.st_mode & (S_IRGRP | S_IWGRP)) == (S_IRGRP | S_IWGRP);
  facts.in_group = std::ranges::count(groups_of(machine.user), status.st_gid) > 0;
  facts.session_in_group = group_member(status.st_gid) != 0;
}

KvmFacts::Outcome outcome_of(const KvmProbe& probe) {
  if (probe.hangs) return KvmFacts::Outcome::hangs;
  switch (probe.step) {
    case KvmStep::open:
      return probe.error == ENOENT ? KvmFacts::Outcome::absent : KvmFacts::Outcome::open_failed;
    case KvmStep::create:
      return KvmFacts::Outcome::create_failed;
    case KvmStep::run:
      return KvmFacts::Outcome::run_failed;
    case KvmStep::done:
      break;
  }
  return KvmFacts::Outcome::works;
}

}  // namespace

KvmFacts gather_kvm(const GatherOptions& options, const MachineFacts& machine) {
  KvmFacts facts;
#if !defined(__x86_64__) && !defined(__i386__)
  facts.x86 = false;
#endif
  facts.cpu_flag = virtualisation_flag();
  // A little less than what is waited for this, so that the answer "it hangs" is in time.
  const KvmProbe probe = probe_kvm(options.kvm_device, options.limit * 3 / 4);
  facts.outcome = outcome_of(probe);
  facts.error = probe.error;
  if (facts.outcome != KvmFacts::Outcome::absent) read_group(options, machine, facts);
  return facts;
}

}  // namespace virtsession
