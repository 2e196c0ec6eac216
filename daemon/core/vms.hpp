// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/vm.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// All VMs, by uuid and name, and which of them may look different than they were last shown. Which are attended: all
/// but those that are off and that nothing wants anything of. What happens with time, or at each event, happens to them
/// alone, so that its cost does not grow with the number of VMs that somebody has defined. And which are used: all but
/// those that are off since the first list of this login, and were asked for nothing. Of the others nothing is kept.
class Vms {
 public:
  explicit Vms(const Context& context) : context_(context) {}
  Vms(const Vms&) = delete;
  Vms& operator=(const Vms&) = delete;

  Vm& add(DomainSnapshot domain);
  /// \return what was so before
  DomainSnapshot take_in(Vm& vm, DomainSnapshot domain);
  void remove(const std::string& uuid);

  Vm* find(const std::string& uuid);
  const Vm* find(const std::string& uuid) const;
  Vm& at(const std::string& uuid) { return vms_.at(uuid); }
  const Vm& at(const std::string& uuid) const { return vms_.at(uuid); }
  const Vm* find_by_name(const std::string& name) const;
  const Vm* find_by_name_or_uuid(const std::string& text) const;
  std::vector<std::string> uuids() const;
  std::size_t size() const { return vms_.size(); }
  std::map<std::string, Vm>& all() { return vms_; }
  const std::map<std::string, Vm>& all() const { return vms_; }
  /// In the order of all(). As they are now: what a caller does to them does not change the list that it goes through.
  std::vector<std::reference_wrapper<Vm>> attended();
  std::vector<std::reference_wrapper<const Vm>> attended() const;
  /// What there is something to keep of: every attended VM, and more.
  std::vector<std::reference_wrapper<const Vm>> used() const;

  /// When the first list of this login was read: CLOCK_REALTIME, microseconds; 0 before.
  std::uint64_t first_listed_usec() const { return first_listed_usec_; }
  void set_first_listed(std::uint64_t usec) { first_listed_usec_ = usec; }

  void touch(const std::string& uuid);
  std::set<std::string> take_changed() { return std::exchange(changed_, {}); }

 private:
  bool is_used(const Vm& vm) const;
  void look_at_moved() const;
  void forget_name(const Vm& vm);

  const Context& context_;
  std::map<std::string, Vm> vms_;
  std::map<std::string, std::set<std::string>> by_name_;  ///< uuids; two for a moment, while names are exchanged
  std::set<std::string> changed_;
  std::uint64_t first_listed_usec_ = 0;
  // Found out when somebody asks: a VM is touched while it changes, not after.
  mutable std::set<std::string> moved_;     ///< touched since
  mutable std::set<std::string> attended_;  ///< but for what is in moved_
  mutable std::set<std::string> used_;      ///< the same
};

}  // namespace virtsession
