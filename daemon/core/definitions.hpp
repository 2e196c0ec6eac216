// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/history.hpp"
#include "core/moment.hpp"
#include "core/vm.hpp"

#include <map>
#include <string>

namespace virtsession {

/// What libvirt told of definitions that came and went: each gets its row in the history at once, and so in libvirt's
/// order across VMs. A domain is read after its event, when it may be gone again: what the reading shows is then no
/// news, and gets no second row.
class Definitions {
 public:
  explicit Definitions(History& history) : history_(history) {}

  /// \param vm the one of the event's uuid; null when it is not known \param came_back it is one that went shortly
  /// before
  void on_event(const DomainEvent& event, const Vm* vm, bool came_back, Moment now);
  /// A domain that was not known was read. \return whether its definition was told of
  bool take_defined(const std::string& uuid);
  /// A domain that was known is gone. \return whether that was told
  bool take_undefined(const std::string& uuid);
  /// What was told of it is what is known now.
  void settle(const std::string& uuid) { told_.erase(uuid); }
  void settle_all() { told_.clear(); }

 private:
  struct Told {
    bool defined = false;
    bool undefined = false;
  };

  History& history_;
  std::map<std::string, Told> told_;  ///< by uuid, until it is read
};

}  // namespace virtsession
