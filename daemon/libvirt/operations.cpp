// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/operations.hpp"

#include "libvirt/autostart_once.hpp"
#include "libvirt/error.hpp"
#include "libvirt/forwards.hpp"
#include "libvirt/policy_xml.hpp"

#include <libvirt/virterror.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>

namespace virtsession {
namespace {

Result<void> checked(virDomainPtr domain, int answer) {
  if (answer < 0) return last_error(domain);
  return {};
}

int start(virDomainPtr domain, const call::Start& call) {
  unsigned flags = VIR_DOMAIN_NONE;
  if (call.paused) flags |= VIR_DOMAIN_START_PAUSED;
  if (call.force_boot) flags |= VIR_DOMAIN_START_FORCE_BOOT;
  if (call.bypass_cache) flags |= VIR_DOMAIN_START_BYPASS_CACHE;
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

// A guest that sleeps goes on as by its power button; another one was paused.
int resume(virDomainPtr domain) {
  int state = VIR_DOMAIN_NOSTATE;
  if (virDomainGetState(domain, &state, nullptr, 0) == 0 && state == VIR_DOMAIN_PMSUSPENDED)
    return virDomainPMWakeup(domain, 0);
  return virDomainResume(domain);
}

// Always the configuration: what is written to a running domain only is lost when it stops.
Result<void> set_policy(virDomainPtr domain, const std::optional<std::string>& text) {
  const auto write = [domain](const char* xml, const char* prefix) {
    return checked(domain, virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml, prefix, kPolicyNamespace,
                                                VIR_DOMAIN_AFFECT_CONFIG));
  };
  if (!text) return write(nullptr, nullptr);
  const auto xml = build_policy_xml(*text);
  if (!xml) return xml.error();
  return write(xml->c_str(), kPolicyPrefix);
}

int set_time(virDomainPtr domain, std::uint64_t usec) {
  constexpr std::uint64_t kUsecPerSecond = 1'000'000;
  return virDomainSetTime(domain, static_cast<long long>(usec / kUsecPerSecond),
                          static_cast<unsigned>(usec % kUsecPerSecond * 1000), 0);
}

// What QEMU or libvirt refuse for the devices that the domain has, in whatever words: it would be refused again.
Result<void> refused_or(Result<void> saved) {
  if (saved || saved.error().code != ErrorCode::operation_failed) return saved;
  constexpr std::array kRefusals = {"non-migratable", "not migratable",    "not yet migratable",
                                    "is blocked",     "is disabled when",  "is not supported",
                                    "cannot migrate", "cannot save",       "does not support migration",
                                    "unmigratable",   "migration disabled"};
  std::string text = saved.error().message;
  std::ranges::transform(text, text.begin(), [](unsigned char letter) { return std::tolower(letter); });
  const bool refused = std::ranges::any_of(kRefusals, [&](const char* words) { return text.find(words) != text.npos; });
  return refused ? Error{ErrorCode::not_supported, saved.error().message} : saved;
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

/// One overload a kind: a new one that is not handled does not compile.
struct Runner {
  virDomainPtr domain;
  std::optional<ForwardReport>& report;

  Result<void> operator()(const call::Start& call) const {
    report = prepare_forwards(domain);
    return checked(domain, start(domain, call));
  }
  Result<void> operator()(const call::Shutdown& call) const { return checked(domain, shut_down(domain, call.way)); }
  Result<void> operator()(const call::Save& call) const {
    unsigned flags = call.running ? VIR_DOMAIN_SAVE_RUNNING : 0;
    if (call.bypass_cache) flags |= VIR_DOMAIN_SAVE_BYPASS_CACHE;
    return refused_or(checked(domain, virDomainManagedSave(domain, flags)));
  }
  Result<void> operator()(const call::PowerOff& call) const {
    const auto flags = call.graceful ? VIR_DOMAIN_DESTROY_GRACEFUL : VIR_DOMAIN_DESTROY_DEFAULT;
    return checked(domain, virDomainDestroyFlags(domain, flags));
  }
  Result<void> operator()(const call::Reboot&) const {
    return checked(domain, virDomainReboot(domain, VIR_DOMAIN_REBOOT_DEFAULT));
  }
  Result<void> operator()(const call::Pause&) const { return checked(domain, virDomainSuspend(domain)); }
  Result<void> operator()(const call::Resume&) const { return checked(domain, resume(domain)); }
  Result<void> operator()(const call::SetAutostart& call) const {
    return checked(domain, virDomainSetAutostart(domain, call.enable ? 1 : 0));
  }
  Result<void> operator()(const call::SetAutostartOnce& call) const { return set_autostart_once(domain, call.enable); }
  Result<void> operator()(const call::SetPolicy& call) const { return set_policy(domain, call.text); }
  Result<void> operator()(const call::AbortJob&) const { return checked(domain, virDomainAbortJob(domain)); }
  Result<void> operator()(const call::ReadProgress&) const {
    return Error{ErrorCode::internal, "The progress of a job is read in another way"};
  }
  Result<void> operator()(const call::ReadAddresses&) const {
    return Error{ErrorCode::internal, "Addresses are read in another way"};
  }
  Result<void> operator()(const call::SetTime& call) const { return checked(domain, set_time(domain, call.usec)); }
  Result<void> operator()(const call::SyncForwards& call) const {
    auto synced = sync_forwards(domain, call);
    if (!synced) return synced.error();
    report = *std::move(synced);
    return {};
  }
  Result<void> operator()(const call::DefineForwards& call) const { return define_forwards(domain, call); }
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

std::string row_of(const Operation& operation) {
  const auto kind = operation.kind();
  if (kind == OperationKind::abort_job || kind == OperationKind::job_progress) return "job of " + operation.uuid;
  if (kind == OperationKind::read_addresses) return "addresses of " + operation.uuid;
  return operation.uuid;
}

bool is_on_state(const Operation& operation) { return row_of(operation) == operation.uuid; }

Result<void> run_operation(virDomainPtr domain, const Operation& operation, std::optional<ForwardReport>& report) {
  return std::visit(Runner{domain, report}, operation.call);
}

TaskPace pace_of(const Operation& operation, bool has_managed_save) {
  switch (operation.kind()) {
    case OperationKind::save:
      return TaskPace::lengthy;
    case OperationKind::start:
      return has_managed_save && !std::get<call::Start>(operation.call).force_boot ? TaskPace::lengthy : TaskPace::slow;
    case OperationKind::shutdown:
      return std::get<call::Shutdown>(operation.call).way == ShutdownWay::acpi ? TaskPace::quick : TaskPace::slow;
    case OperationKind::power_off:
    case OperationKind::reboot:
    case OperationKind::set_time:
    case OperationKind::define_forwards:
      return TaskPace::slow;
    case OperationKind::read_addresses:
      return std::get<call::ReadAddresses>(operation.call).agent ? TaskPace::guest : TaskPace::quick;
    case OperationKind::abort_job:
    case OperationKind::job_progress:
    case OperationKind::pause:
    case OperationKind::resume:
    case OperationKind::set_autostart:
    case OperationKind::set_autostart_once:
    case OperationKind::set_policy:
    case OperationKind::sync_forwards:
      return TaskPace::quick;
  }
  return TaskPace::slow;
}

}  // namespace virtsession
