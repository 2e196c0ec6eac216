// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stop_outcome.hpp"

namespace virtsession {

StopOutcome outcome_of(ShutoffReason reason) {
  switch (reason) {
    case ShutoffReason::shutdown:
      return StopOutcome::shut_down;
    case ShutoffReason::saved:
      return StopOutcome::saved;
    case ShutoffReason::destroyed:
      return StopOutcome::powered_off;
    case ShutoffReason::none:
    case ShutoffReason::unknown:
    case ShutoffReason::crashed:
    case ShutoffReason::migrated:
    case ShutoffReason::failed:
    case ShutoffReason::from_snapshot:
    case ShutoffReason::daemon:
      break;
  }
  return StopOutcome::ended_otherwise;
}

}  // namespace virtsession
