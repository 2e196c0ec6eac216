// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/history.hpp"
#include "core/moment.hpp"
#include "core/vm.hpp"

#include <map>
#include <string>

namespace virtsession {

/// Writes definitions that come and go to the history as libvirt reports them, so that their order holds across VMs. A
/// domain is read later, and may be gone by then; a change that was reported gets no second row.
class Definitions {
 public:
  explicit Definitions(History& history) : history_(history) {}

  /// \param vm the one of the event's uuid; null when it is not known \param came_back it is one that went shortly
  /// before
  void on_event(const DomainEvent& event, const Vm* vm, bool came_back, Moment now);
  /// A domain that was not known was read. \return whether its definition was told of
  bool take_defined(const std::string& uuid) { return take(uuid, &Told::defined); }
  /// A domain that was known is gone. \return whether that was told
  bool take_undefined(const std::string& uuid) { return take(uuid, &Told::undefined); }
  /// The list of VMs has caught up with the events.
  void settle(const std::string& uuid) { told_.erase(uuid); }
  void settle_all() { told_.clear(); }

 private:
  struct Told {
    bool defined = false;
    bool undefined = false;
  };
  bool take(const std::string& uuid, bool Told::*what);

  History& history_;
  std::map<std::string, Told> told_;  ///< by uuid, until it is read
};

}  // namespace virtsession
