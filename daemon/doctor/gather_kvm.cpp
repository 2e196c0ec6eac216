// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/gatherers.hpp"
#include "doctor/kvm_probe.hpp"
#include "util/files.hpp"

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
  if (facts.outcome != KvmFacts::Outcome::absent)
    static_cast<DeviceGroup&>(facts) = read_device_group(options.kvm_device, machine);
  return facts;
}

}  // namespace virtsession
