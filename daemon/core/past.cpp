// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/past.hpp"

#include "core/vm.hpp"
#include "core/vm_kept.hpp"
#include "core/vm_life.hpp"
#include "core/vms.hpp"

#include <algorithm>

namespace virtsession {
namespace {

/// The same uuid within this time is the same VM.
constexpr Duration kDefinedAgainWithin = std::chrono::seconds(10);

/// A VM whose saved state is gone was restored by somebody else: that it had been paused is over.
VmLasting still_true(VmLasting lasting, const DomainSnapshot& domain) {
  lasting.saved_paused = lasting.saved_paused && domain.managed_save;
  return lasting;
}

}  // namespace

bool Past::has_unseen_runs() const {
  return std::ranges::any_of(unseen_, [](const auto& vm) { return vm.second.id >= 0; });
}

bool Past::recall(Vm& vm, const Sighting& how, const Surroundings& around, Moment now) {
  const auto& domain = vm.domain();
  std::erase_if(gone_, [&](const auto& entry) { return now.steady > entry.second.until; });
  if (const auto gone = gone_.extract(domain.uuid); !gone.empty()) {
    const auto& before = gone.mapped();
    vm.set_lasting(still_true(before.lasting, domain));
    const bool told = restore(vm, before.kept, around, now);
    vm.restarts() = before.restarts;
    constexpr const char* kDefinedAgain = "defined again";
    if (!told && how.in_history)
      appear(vm, kDefinedAgain, now);
    else if (!told)
      vm.enter(Phase::inactive, kDefinedAgain, {CauseKind::other_client}, now);
    return false;
  }
  if (const auto lasting = lasting_.extract(domain.uuid); !lasting.empty())
    vm.set_lasting(still_true(lasting.mapped(), domain));
  const auto left = unseen_.extract(domain.uuid);
  const bool unused = left.empty() && unused_since_usec_ > 0 && domain.persistent && !how.just_now;
  KeptVm kept;
  if (!left.empty()) kept = left.mapped();
  if (unused) kept.since_usec = unused_since_usec_;
  if ((left.empty() && !unused) || !restore(vm, kept, around, now)) first_seen(vm, how, around, now);
  return kept.stopping && kept.id == domain.id;
}

bool Past::was_here(const std::string& uuid, Moment now) const {
  const auto gone = gone_.find(uuid);
  return gone != gone_.end() && now.steady <= gone->second.until;
}

void Past::on_removed(const Vm& vm, Moment now) {
  gone_.insert_or_assign(vm.uuid(), Gone{kept_of(vm), vm.lasting(), vm.restarts(), now.steady + kDefinedAgainWithin});
}

void Past::learn(std::map<std::string, VmLasting> lasting, Vms& vms) {
  for (auto& [uuid, vm] : vms.all()) {
    const auto learnt = lasting.extract(uuid);
    if (!learnt.empty() && vm.lasting() == VmLasting()) vm.set_lasting(still_true(learnt.mapped(), vm.domain()));
  }
  lasting_.merge(lasting);
}

void Past::on_listed() {
  unseen_.clear();
  lasting_.clear();
  unused_since_usec_ = 0;
}

void Past::keep(Kept& kept) const {
  kept.vms.insert(unseen_.begin(), unseen_.end());
  kept.lasting.insert(lasting_.begin(), lasting_.end());
}

}  // namespace virtsession
