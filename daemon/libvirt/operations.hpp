// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/result.hpp"
#include "core/vm.hpp"
#include "libvirt/task_queue.hpp"

#include <libvirt/libvirt.h>

namespace virtsession {

/// Makes the one call to libvirt that an operation is. Blocks; see pace_of().
/// \return no_such_vm, not_supported, libvirt_unavailable, operation_failed in libvirt's words, or invalid_policy
Result<void> run_operation(virDomainPtr domain, const Operation& operation);

/// How long the call may take. \param has_managed_save what is known of the domain: a start restores it
TaskPace pace_of(const Operation& operation, bool has_managed_save);

}  // namespace virtsession
