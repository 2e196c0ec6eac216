// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vms.hpp"

namespace virtsession {

Vm& Vms::add(DomainSnapshot domain) {
  const auto uuid = domain.uuid;
  by_name_[domain.name].insert(uuid);
  return vms_.try_emplace(uuid, context_, std::move(domain), [this, uuid] { touch(uuid); }).first->second;
}

DomainSnapshot Vms::take_in(Vm& vm, DomainSnapshot domain) {
  if (domain.name != vm.name()) {
    forget_name(vm);
    by_name_[domain.name].insert(vm.uuid());
  }
  return vm.take_in(std::move(domain));
}

void Vms::remove(const std::string& uuid) {
  forget_name(vms_.at(uuid));
  vms_.erase(uuid);
  touch(uuid);
}

void Vms::forget_name(const Vm& vm) {
  const auto named = by_name_.find(vm.name());
  named->second.erase(vm.uuid());
  if (named->second.empty()) by_name_.erase(named);
}

Vm* Vms::find(const std::string& uuid) {
  const auto found = vms_.find(uuid);
  return found == vms_.end() ? nullptr : &found->second;
}

const Vm* Vms::find(const std::string& uuid) const {
  const auto found = vms_.find(uuid);
  return found == vms_.end() ? nullptr : &found->second;
}

const Vm* Vms::find_by_name(const std::string& name) const {
  const auto named = by_name_.find(name);
  return named == by_name_.end() ? nullptr : find(*named->second.begin());
}

const Vm* Vms::find_by_name_or_uuid(const std::string& text) const {
  const auto* named = find_by_name(text);
  return named ? named : find(canonical_uuid(text));
}

std::vector<std::string> Vms::uuids() const {
  std::vector<std::string> result;
  for (const auto& [uuid, vm] : vms_) result.push_back(uuid);
  return result;
}

}  // namespace virtsession
