// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vms.hpp"

namespace virtsession {

namespace {

bool is_attended(const Vm& vm) {
  const auto& domain = vm.domain();
  const auto& status = vm.status();
  const bool is_off = !domain.active() && !vm.run() && !vm.start() && !vm.stop() && !vm.hold();
  const bool is_at_rest = status.phase == Phase::inactive && status.intent != Intent::up && status.last_error.empty();
  const bool may_start_by_itself =
      domain.autostart || domain.autostart_once.value_or(false) || vm.policy().start == StartWhen::was_running;
  return !is_off || !is_at_rest || !domain.persistent || may_start_by_itself || has_forwards(vm);
}

template <class Vm, class Vms>
std::vector<std::reference_wrapper<Vm>> those(const std::set<std::string>& uuids, Vms& vms) {
  std::vector<std::reference_wrapper<Vm>> result;
  result.reserve(uuids.size());
  for (const auto& uuid : uuids) result.emplace_back(vms.at(uuid));
  return result;
}

void put(std::set<std::string>& uuids, const std::string& uuid, bool belongs) {
  if (belongs)
    uuids.insert(uuid);
  else
    uuids.erase(uuid);
}

}  // namespace

bool Vms::is_used(const Vm& vm) const {
  const auto& status = vm.status();
  return is_attended(vm) || status.since_usec != first_listed_usec_ || status.intent != Intent::none ||
         vm.restarts().count() > 0 || vm.lasting() != VmLasting();
}

void Vms::look_at_moved() const {
  for (const auto& uuid : moved_) {
    const auto* vm = find(uuid);
    put(attended_, uuid, vm && is_attended(*vm));
    put(used_, uuid, vm && is_used(*vm));
  }
  moved_.clear();
}

std::vector<std::reference_wrapper<Vm>> Vms::attended() {
  look_at_moved();
  return those<Vm>(attended_, vms_);
}

std::vector<std::reference_wrapper<const Vm>> Vms::attended() const {
  look_at_moved();
  return those<const Vm>(attended_, vms_);
}

std::vector<std::reference_wrapper<const Vm>> Vms::used() const {
  look_at_moved();
  return those<const Vm>(used_, vms_);
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
