// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/kept_state.hpp"
#include "core/moment.hpp"
#include "core/restart.hpp"
#include "core/vm_lasting.hpp"

#include <map>
#include <string>

namespace virtsession {

class Vm;
class Vms;
struct Sighting;
struct Surroundings;

/// What is known of VMs that are not in libvirt's list, or not yet: what the last instance and the last login left of
/// them, and what they were a moment ago, when a rename in virt-manager undefines and defines the same uuid.
class Past {
 public:
  /// \param first_listed_usec of Kept: what is in the first list and not in `vms` was off since then; 0: nothing is
  /// known of it
  Past(std::map<std::string, KeptVm> vms, std::map<std::string, VmLasting> lasting, std::uint64_t first_listed_usec)
      : unseen_(std::move(vms)), lasting_(std::move(lasting)), unused_since_usec_(first_listed_usec) {}

  /// Some VM ran when the last instance saw it, and was not seen since.
  bool has_unseen_runs() const;
  /// Libvirt lists a VM that was not in the list before: what is known of it is used, and forgotten here.
  /// \return whether it is in a run in which the last instance was stopping it
  bool recall(Vm& vm, const Sighting& how, const Surroundings& around, Moment now);
  /// Whether a VM of that uuid was removed so shortly before that it will be the same when it comes back.
  bool was_here(const std::string& uuid, Moment now) const;
  /// The VM is about to be removed from the list.
  void on_removed(const Vm& vm, Moment now);
  /// What was left is known only now. A VM of which something newer is known keeps that.
  void learn(std::map<std::string, VmLasting> lasting, Vms& vms);
  /// A list was read: what is not in it is gone.
  void on_listed();
  /// What the next instance and the next login have to know of VMs that were not seen.
  void keep(Kept& kept) const;

 private:
  /// A VM that was removed.
  struct Gone {
    KeptVm kept;
    VmLasting lasting;
    RestartBudget restarts;
    SteadyTime until;  ///< the same uuid is the same VM until then
  };

  // By uuid.
  std::map<std::string, Gone> gone_;
  std::map<std::string, KeptVm> unseen_;
  std::map<std::string, VmLasting> lasting_;
  std::uint64_t unused_since_usec_;  ///< of VMs that have no record; 0 once a list was read
};

}  // namespace virtsession
