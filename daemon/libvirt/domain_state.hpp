// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/domain.hpp"

#include <string>

namespace virtsession {

/// Ours for a virDomainState; `unknown` for one that this version has not heard of.
DomainState domain_state(int libvirt_state);

/// The reason of virDomainGetState in the untranslated words of `virsh domstate --reason`.
std::string state_reason_text(int libvirt_state, int libvirt_reason);

/// Why a domain is off; `none` when it is not.
PauseReason pause_reason(int libvirt_state, int libvirt_reason);
ShutoffReason shutoff_reason(int libvirt_state, int libvirt_reason);

/// Whether a domain was paused for a job of libvirt, which ends it or lets it go on: a save, a migration, a dump, a
/// snapshot. The reason may outlive the job.
bool may_be_in_job(int libvirt_state, int libvirt_reason);

}  // namespace virtsession
