// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/definitions.hpp"

#include "core/cause.hpp"

#include <utility>

namespace virtsession {
namespace {

std::string text_of(DomainEventKind kind, const Vm* vm, bool came_back) {
  if (kind == DomainEventKind::undefined)
    return vm && vm->domain().active() ? "its definition was removed from libvirt, and it runs on"
                                       : "removed from libvirt";
  if (came_back) return "defined again";
  return vm && vm->domain().persistent ? "its definition was changed" : "defined";
}

}  // namespace

void Definitions::on_event(const DomainEvent& event, const Vm* vm, bool came_back, Moment now) {
  const bool undefined = event.kind == DomainEventKind::undefined;
  if (!undefined && event.kind != DomainEventKind::defined) return;
  auto& told = told_[event.uuid];
  came_back |= !undefined && told.undefined;
  history_.add({now.wall_usec, event.uuid, event.name, vm ? vm->status().phase : Phase::inactive,
                text_of(event.kind, vm, came_back), to_text(Cause{CauseKind::other_client})});
  (undefined ? told.undefined : told.defined) = true;
}

bool Definitions::take(const std::string& uuid, bool Told::*what) {
  const auto found = told_.find(uuid);
  if (found == told_.end()) return false;
  const bool was = std::exchange(found->second.*what, false);
  if (!found->second.defined && !found->second.undefined) told_.erase(found);
  return was;
}

}  // namespace virtsession
