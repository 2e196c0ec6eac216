// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/operations.hpp"

#include "libvirt/autostart_once.hpp"
#include "libvirt/error.hpp"
#include "libvirt/policy_xml.hpp"

#include <libvirt/virterror.h>

#include <cstdint>

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

int shut_down(virDomainPtr domain, ShutdownWay way) {
  switch (way) {
    case ShutdownWay::automatic:
      break;
    case ShutdownWay::acpi: {
      const int answer = virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
      const virError* error = answer < 0 ? virGetLastError() : nullptr;
      // A driver that takes no flags, as that of test:/// does, has one way only.
      if (!error || error->code != VIR_ERR_INVALID_ARG) return answer;
      break;
    }
    case ShutdownWay::agent:
      return virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT);
  }
  return virDomainShutdown(domain);
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

int set_time(virDomainPtr domain, std::uint64_t usec) {
  constexpr std::uint64_t kUsecPerSecond = 1'000'000;
  return virDomainSetTime(domain, static_cast<long long>(usec / kUsecPerSecond),
                          static_cast<unsigned>(usec % kUsecPerSecond * 1000), 0);
}

/// A job's statistics, whose fields depend on its kind and on libvirt.
class JobStats {
 public:
  JobStats() = default;
  ~JobStats() { virTypedParamsFree(parameters_, count_); }
  JobStats(const JobStats&) = delete;
  JobStats& operator=(const JobStats&) = delete;

  int read(virDomainPtr domain) { return virDomainGetJobStats(domain, &type_, &parameters_, &count_, 0); }
  bool has_job() const { return type_ != VIR_DOMAIN_JOB_NONE; }
  std::uint64_t field(const char* name) const {
    unsigned long long value = 0;
    virTypedParamsGetULLong(parameters_, count_, name, &value);
    return value;
  }

 private:
  int type_ = VIR_DOMAIN_JOB_NONE;
  virTypedParameterPtr parameters_ = nullptr;
  int count_ = 0;
};

}  // namespace

Result<std::optional<JobProgress>> read_job_progress(virDomainPtr domain) {
  JobStats stats;
  if (stats.read(domain) < 0) {
    const LibvirtError error = take_last_error();
    if (error.code == VIR_ERR_OPERATION_INVALID) return std::optional<JobProgress>();  // it is off
    return to_error(error, virDomainGetConnect(domain));
  }
  if (!stats.has_job()) return std::optional<JobProgress>();
  return std::optional(JobProgress{stats.field(VIR_DOMAIN_JOB_DATA_PROCESSED),
                                   stats.field(VIR_DOMAIN_JOB_DATA_REMAINING), stats.field(VIR_DOMAIN_JOB_DATA_TOTAL)});
}

bool is_on_job(const Operation& operation) {
  return operation.kind == OperationKind::abort_job || operation.kind == OperationKind::job_progress;
}

Result<void> run_operation(virDomainPtr domain, const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::start:
      return checked(domain, start(domain, operation));
    case OperationKind::shutdown:
      return checked(domain, shut_down(domain, operation.way));
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
    case OperationKind::abort_job:
      return checked(domain, virDomainAbortJob(domain));
    case OperationKind::set_time:
      return checked(domain, set_time(domain, operation.time_usec));
    case OperationKind::job_progress:
      break;
  }
  return Error{ErrorCode::internal, "There is no such operation"};
}

TaskPace pace_of(const Operation& operation, bool has_managed_save) {
  switch (operation.kind) {
    case OperationKind::save:
      return TaskPace::lengthy;
    case OperationKind::start:
      return has_managed_save && !operation.force_boot ? TaskPace::lengthy : TaskPace::slow;
    case OperationKind::shutdown:
      return operation.way == ShutdownWay::acpi ? TaskPace::quick : TaskPace::slow;
    case OperationKind::power_off:
    case OperationKind::reboot:
    case OperationKind::set_time:
      return TaskPace::slow;
    case OperationKind::abort_job:
    case OperationKind::job_progress:
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
