// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vms.hpp"

namespace virtsession {

bool Vms::is_attended(const Vm& vm) const {
  const auto& domain = vm.domain();
  const auto& status = vm.status();
  const bool never_used = status.phase == Phase::inactive && status.since_usec == first_listed_usec_ &&
                          status.intent == Intent::none && status.last_error.empty() && vm.restarts().count() == 0 &&
                          vm.lasting() == VmLasting();
  const bool is_off = !domain.active() && !vm.run() && !vm.start() && !vm.stop() && !vm.hold();
  const bool may_start_by_itself =
      domain.autostart || domain.autostart_once.value_or(false) || vm.policy().start == StartWhen::was_running;
  const bool has_forwards = !vm.policy().ports.empty() || !domain.next_forwards.empty() || !domain.own_forwards.empty();
  return !never_used || !is_off || !domain.persistent || may_start_by_itself || has_forwards;
}

void Vms::look_at_moved() const {
  for (const auto& uuid : moved_) {
    const auto* vm = find(uuid);
    if (vm && is_attended(*vm))
      attended_.insert(uuid);
    else
      attended_.erase(uuid);
  }
  moved_.clear();
}

std::vector<std::reference_wrapper<Vm>> Vms::attended() {
  look_at_moved();
  std::vector<std::reference_wrapper<Vm>> result;
  result.reserve(attended_.size());
  for (const auto& uuid : attended_) result.emplace_back(vms_.at(uuid));
  return result;
}

std::vector<std::reference_wrapper<const Vm>> Vms::attended() const {
  look_at_moved();
  std::vector<std::reference_wrapper<const Vm>> result;
  result.reserve(attended_.size());
  for (const auto& uuid : attended_) result.emplace_back(vms_.at(uuid));
  return result;
}

void Vms::touch(const std::string& uuid) {
  changed_.insert(uuid);
  moved_.insert(uuid);
}

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
