// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libvirt/libvirt.h>

namespace virtsession {

/// A callback of some kind of event in the type in which libvirt takes all of them. Unlike VIR_DOMAIN_EVENT_CALLBACK it
/// says to the compiler, by way of a function without arguments, that the types differ: clang warns of one that does
/// not, since 19.
template <class Callback>
virConnectDomainEventGenericCallback event_callback(Callback* callback) {
  return reinterpret_cast<virConnectDomainEventGenericCallback>(reinterpret_cast<void (*)()>(callback));
}

}  // namespace virtsession
