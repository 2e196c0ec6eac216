// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/wishes.hpp"

#include "core/vms.hpp"

namespace virtsession {

std::map<std::string, ScopeWish> scope_wishes(const Vms& vms) {
  std::map<std::string, ScopeWish> wishes;
  for (const Vm& vm : vms.attended()) {
    const auto& policy = vm.policy();
    if (vm.domain().active())
      wishes[vm.uuid()] = {
          vm.name(),        vm.domain().id,         policy.cpu_weight,
          policy.io_weight, policy.memory_high_mib, {policy.after_units.begin(), policy.after_units.end()}};
  }
  return wishes;
}

std::map<std::string, TcpProbe> tcp_probes(const Vms& vms) {
  std::map<std::string, TcpProbe> probes;
  for (const Vm& vm : vms.attended()) {
    const auto* wait = vm.run() ? vm.run()->readiness().wait() : nullptr;
    if (wait && wait->readiness.when == ReadyWhen::tcp)
      probes[vm.uuid()] = {wait->readiness.host, wait->readiness.port};
  }
  return probes;
}

}  // namespace virtsession
