// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"
#include "core/operation.hpp"
#include "core/result.hpp"
#include "libvirt/task_queue.hpp"

#include <libvirt/libvirt.h>

#include <optional>
#include <string>

namespace virtsession {

/// Makes the one call to libvirt that an operation is. Blocks; see pace_of(). Not for job_progress and read_addresses,
/// which have a result.
/// \param report what came of making forwards, when it has to do with any
/// \return no_such_vm, not_supported, libvirt_unavailable, operation_failed in libvirt's words, or invalid_policy
Result<void> run_operation(virDomainPtr domain, const Operation& operation, std::optional<ForwardReport>& report);

/// How far the domain's job is, a save say; nothing when it has none, also because it is off. Blocks for milliseconds.
/// \return the errors of run_operation()
Result<std::optional<JobProgress>> read_job_progress(virDomainPtr domain);

/// The row in which operations wait for each other. Those that must not wait for one that changes the domain, nor hold
/// it up, have another one than it.
std::string row_of(const Operation& operation);
/// Whether the operation is one on the domain's state, which is to be read after it.
bool is_on_state(const Operation& operation);

/// How long the call may take. \param has_managed_save what is known of the domain: a start restores it
TaskPace pace_of(const Operation& operation, bool has_managed_save);

}  // namespace virtsession
