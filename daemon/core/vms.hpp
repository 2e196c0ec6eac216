// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/vm.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtsession {

/// All VMs, by uuid and name, and which of them may look different than they were last shown.
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

  void touch(const std::string& uuid) { changed_.insert(uuid); }
  std::set<std::string> take_changed() { return std::exchange(changed_, {}); }

 private:
  void forget_name(const Vm& vm);

  const Context& context_;
  std::map<std::string, Vm> vms_;
  std::map<std::string, std::set<std::string>> by_name_;  ///< uuids; two for a moment, while names are exchanged
  std::set<std::string> changed_;
};

}  // namespace virtsession
