// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/operations.hpp"

#include "libvirt/autostart_once.hpp"
#include "libvirt/error.hpp"
#include "libvirt/policy_xml.hpp"

namespace virtsession {
namespace {

Result<void> checked(virDomainPtr domain, int answer) {
  if (answer < 0) return last_error(domain);
  return {};
}

int start(virDomainPtr domain, const Operation& operation) {
  unsigned flags = VIR_DOMAIN_NONE;
  if (operation.paused) flags |= VIR_DOMAIN_START_PAUSED;
  if (operation.force_boot) flags |= VIR_DOMAIN_START_FORCE_BOOT;
  if (operation.bypass_cache) flags |= VIR_DOMAIN_START_BYPASS_CACHE;
  return virDomainCreateWithFlags(domain, flags);
}

// Always the configuration: what is written to a running domain only is lost when it stops.
Result<void> set_policy(virDomainPtr domain, const Operation& operation) {
  const auto write = [domain](const char* xml, const char* prefix) {
    return checked(domain, virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml, prefix, kPolicyNamespace,
                                                VIR_DOMAIN_AFFECT_CONFIG));
  };
  if (!operation.policy_text) return write(nullptr, nullptr);
  const auto xml = build_policy_xml(*operation.policy_text);
  if (!xml) return xml.error();
  return write(xml->c_str(), kPolicyPrefix);
}

}  // namespace

Result<void> run_operation(virDomainPtr domain, const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::start:
      return checked(domain, start(domain, operation));
    case OperationKind::shutdown:
      return checked(domain, virDomainShutdown(domain));
    case OperationKind::save:
      return checked(domain, virDomainManagedSave(domain, operation.bypass_cache ? VIR_DOMAIN_SAVE_BYPASS_CACHE : 0));
    case OperationKind::power_off:
      return checked(domain, virDomainDestroyFlags(domain, operation.graceful ? VIR_DOMAIN_DESTROY_GRACEFUL
                                                                              : VIR_DOMAIN_DESTROY_DEFAULT));
    case OperationKind::reboot:
      return checked(domain, virDomainReboot(domain, VIR_DOMAIN_REBOOT_DEFAULT));
    case OperationKind::pause:
      return checked(domain, virDomainSuspend(domain));
    case OperationKind::resume:
      return checked(domain, virDomainResume(domain));
    case OperationKind::set_autostart:
      return checked(domain, virDomainSetAutostart(domain, operation.enable ? 1 : 0));
    case OperationKind::set_autostart_once:
      return set_autostart_once(domain, operation.enable);
    case OperationKind::set_policy:
      return set_policy(domain, operation);
  }
  return Error{ErrorCode::internal, "There is no such operation"};
}

TaskPace pace_of(const Operation& operation, bool has_managed_save) {
  switch (operation.kind) {
    case OperationKind::save:
      return TaskPace::lengthy;
    case OperationKind::start:
      return has_managed_save && !operation.force_boot ? TaskPace::lengthy : TaskPace::slow;
    case OperationKind::power_off:
      return TaskPace::slow;
    case OperationKind::shutdown:
    case OperationKind::reboot:
    case OperationKind::pause:
    case OperationKind::resume:
    case OperationKind::set_autostart:
    case OperationKind::set_autostart_once:
    case OperationKind::set_policy:
      return TaskPace::quick;
  }
  return TaskPace::slow;
}

}  // namespace virtsession
