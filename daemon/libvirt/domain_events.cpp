// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain_events.hpp"

#include "libvirt/domain_xml.hpp"
#include "libvirt/error.hpp"
#include "libvirt/event_callback.hpp"
#include "libvirt/policy_xml.hpp"
#include "libvirt/snapshot.hpp"

#include <optional>
#include <string_view>

namespace virtsession {
namespace {

using Listener = std::weak_ptr<ConnectionListener>;

// The domain is valid during the callback only, so its UUID and name are copied here. Exceptions stop here: `noexcept`.
int report(virDomainPtr domain, std::optional<DomainEventKind> kind, void* opaque,
           Extent extent = Extent::all) noexcept {
  if (const auto listener = static_cast<const Listener*>(opaque)->lock())
    listener->on_domain_changed(
        {uuid_of(domain), virDomainGetName(domain), static_cast<int>(virDomainGetID(domain)), kind, extent});
  return 0;
}

int on_lifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) {
  return report(domain, lifecycle_kind(event, detail), opaque, extent_of(event, detail));
}

void on_reboot(virConnectPtr, virDomainPtr domain, void* opaque) { report(domain, DomainEventKind::rebooted, opaque); }

void on_agent(virConnectPtr, virDomainPtr domain, int state, int /*reason*/, void* opaque) {
  const bool connected = state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED;
  report(domain, connected ? DomainEventKind::agent_connected : DomainEventKind::agent_disconnected, opaque);
}

// Others keep their own elements in the metadata; those mean nothing to us.
void on_metadata(virConnectPtr, virDomainPtr domain, int type, const char* name_space, void* opaque) {
  const std::string_view space = name_space ? name_space : "";
  const bool is_ours = type == VIR_DOMAIN_METADATA_ELEMENT && (space == kPolicyNamespace || space == kMoveNamespace);
  if (is_ours || type == VIR_DOMAIN_METADATA_TITLE) report(domain, std::nullopt, opaque);
}

void free_listener(void* opaque) { delete static_cast<Listener*>(opaque); }

struct Registration {
  int event;
  virConnectDomainEventGenericCallback callback;
};

}  // namespace

Extent extent_of(int event, int detail) {
  const bool paused = event == VIR_DOMAIN_EVENT_SUSPENDED && detail == VIR_DOMAIN_EVENT_SUSPENDED_PAUSED;
  const bool resumed = event == VIR_DOMAIN_EVENT_RESUMED && detail == VIR_DOMAIN_EVENT_RESUMED_UNPAUSED;
  return paused || resumed ? Extent::run_state : Extent::all;
}

std::optional<DomainEventKind> lifecycle_kind(int event, int detail) {
  switch (event) {
    case VIR_DOMAIN_EVENT_DEFINED:
      return DomainEventKind::defined;
    case VIR_DOMAIN_EVENT_UNDEFINED:
      // A rename undefines the old name: the domain, which is its UUID, stays.
      if (detail == VIR_DOMAIN_EVENT_UNDEFINED_RENAMED) return std::nullopt;
      return DomainEventKind::undefined;
    case VIR_DOMAIN_EVENT_STARTED:
      return DomainEventKind::started;
    case VIR_DOMAIN_EVENT_SHUTDOWN:
      return detail == VIR_DOMAIN_EVENT_SHUTDOWN_HOST ? DomainEventKind::shutdown_by_host
                                                      : DomainEventKind::shutdown_by_guest;
    case VIR_DOMAIN_EVENT_CRASHED:
      return DomainEventKind::panicked;
  }
  if (extent_of(event, detail) == Extent::run_state)
    return event == VIR_DOMAIN_EVENT_SUSPENDED ? DomainEventKind::paused : DomainEventKind::resumed;
  return std::nullopt;  // stopped, and others for which a guest stands still: a snapshot has it
}

Result<void> register_domain_events(virConnectPtr connection, const Listener& listener, std::vector<int>& callbacks) {
  const Registration registrations[] = {
      {VIR_DOMAIN_EVENT_ID_LIFECYCLE, event_callback(on_lifecycle)},
      {VIR_DOMAIN_EVENT_ID_REBOOT, event_callback(on_reboot)},
      {VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, event_callback(on_agent)},
      {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, event_callback(on_metadata)},
  };
  for (const Registration& registration : registrations) {
    // libvirt may still be calling when a callback is deregistered, so it owns what it is given.
    auto opaque = std::make_unique<Listener>(listener);
    const int id = virConnectDomainEventRegisterAny(connection, nullptr, registration.event, registration.callback,
                                                    opaque.get(), free_listener);
    if (id >= 0) {
      opaque.release();
      callbacks.push_back(id);
      continue;
    }
    const LibvirtError error = take_last_error();
    if (registration.event == VIR_DOMAIN_EVENT_ID_LIFECYCLE || !is_not_supported(error))
      return to_error(error, connection);
  }
  return {};
}

}  // namespace virtsession
