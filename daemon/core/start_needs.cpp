// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/start_needs.hpp"

#include "core/conditions.hpp"
#include "core/vms.hpp"

namespace virtsession {
namespace {

/// A start that would come by itself, once what has failed it is there.
bool watches_needs(const Vm& vm) {
  if (vm.domain().active() || !vm.domain().persistent) return false;
  if (!vm.start()) return vm.status().phase == Phase::gave_up && vm.policy().start != StartWhen::never;
  const auto stage = vm.start()->stage();
  return stage == StartStage::backoff || stage == StartStage::conditions;
}

}  // namespace

std::vector<std::string> missing_needs(const Vm& vm) {
  const auto& facts = vm.context().facts;
  std::vector<std::string> missing;
  for (const auto& file : vm.domain().disk_files) {
    const auto known = facts.paths.find(file);
    if (known == facts.paths.end()) continue;
    if (auto text = missing_at(file, known->second); !text.empty()) missing.push_back(std::move(text));
  }
  for (const auto& device : vm.domain().usb_devices)
    if (facts.usb_devices && !facts.usb_devices->contains(device))
      missing.push_back("USB device " + device + " is not plugged in");
  return missing;
}

void add_needs_wanted(WantedFacts& wanted, const Vms& vms) {
  for (const Vm& vm : vms.attended()) {
    if (!watches_needs(vm)) continue;
    wanted.paths.insert(vm.domain().disk_files.begin(), vm.domain().disk_files.end());
    wanted.usb_devices |= !vm.domain().usb_devices.empty();
  }
}

void wait_for_needs(Vms& vms) {
  for (Vm& vm : vms.attended()) {
    if (vm.start() || !watches_needs(vm) || missing_needs(vm).empty()) continue;
    withdraw_notice(vm, Incident::gave_up);
    vm.set_start(VmStart::now({CauseKind::policy}));
  }
}

}  // namespace virtsession
