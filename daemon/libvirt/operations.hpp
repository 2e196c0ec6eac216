// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/operation.hpp"
#include "core/result.hpp"
#include "libvirt/task_queue.hpp"

#include <libvirt/libvirt.h>

#include <optional>

namespace virtsession {

/// Makes the one call to libvirt that an operation is. Blocks; see pace_of(). Not for job_progress, which has a result.
/// \return no_such_vm, not_supported, libvirt_unavailable, operation_failed in libvirt's words, or invalid_policy
Result<void> run_operation(virDomainPtr domain, const Operation& operation);

/// How far the domain's job is, a save say; nothing when it has none, also because it is off. Blocks for milliseconds.
/// \return the errors of run_operation()
Result<std::optional<JobProgress>> read_job_progress(virDomainPtr domain);

/// Whether the operation is on what libvirt is doing with the domain, and so runs beside it.
bool is_on_job(const Operation& operation);

/// How long the call may take. \param has_managed_save what is known of the domain: a start restores it
TaskPace pace_of(const Operation& operation, bool has_managed_save);

}  // namespace virtsession
